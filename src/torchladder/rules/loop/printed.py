"""Printed figures as series beside the evaluation passes they follow.

Not a rule: several rules compare what a program prints with what was recomputed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.loop_facts import PrintedFact

ROUNDING = 0.51  # of the last printed digit
SINGLE = 3e-6  # relative error of shares in single precision
BACK = 2  # passes before the last one that a figure may be about


@dataclass(frozen=True, slots=True)
class Series:
    """One printed number and the passes it may be about: the last one before it, or the one before that."""

    fact: PrintedFact
    passes: tuple[EvaluationFact, ...]
    values: tuple[float, ...]

    def figure(self, name: str) -> list[float]:
        """Return a field of the passes."""
        return [float(getattr(e, name)) for e in self.passes]

    def follows(self, name: str) -> bool:
        """Tell whether every printed value is this field of its pass, rounded."""
        return all(getattr(e, name) is not None for e in self.passes) and self.matches(self.figure(name))

    def matches(self, wanted: Sequence[float]) -> bool:
        """Tell whether every printed value is the wanted one as it would be printed, as a share or in percent."""
        return any(self._matches(wanted, scale) for scale in (1.0, 100.0))

    def _matches(self, wanted: Sequence[float], scale: float) -> bool:
        slack = ROUNDING * 10.0**-self.fact.digits
        return all(
            abs(value - scale * want) <= slack + SINGLE * abs(scale * want)
            for value, want in zip(self.values, wanted, strict=True)
        )


def printed_series(facts: Facts, usable: Callable[[EvaluationFact], bool] | None = None) -> Iterator[Series]:
    """Yield a series for each printed number and each distance to its passes, where all passes have an accuracy.

    A number that follows the right accuracy at some distance is not yielded at the others.
    """
    for fact in facts.printed or ():
        found = [s for back in range(BACK + 1) if (s := _series(fact, facts.evaluations or (), back, usable))]
        right = [s for s in found if s.follows("accuracy")]
        yield from right[:1] or found


def _series(
    fact: PrintedFact, passes: Sequence[EvaluationFact], back: int, usable: Callable[[EvaluationFact], bool] | None
) -> Series | None:
    chosen = [passes[i - back] for i in fact.passes if 0 <= i - back < len(passes)]
    if len(chosen) != len(fact.values) or len({(e.place, e.root) for e in chosen}) != 1:
        return None
    if any(e.accuracy is None or (usable is not None and not usable(e)) for e in chosen):
        return None
    return Series(fact, tuple(chosen), fact.values)
