"""Does a law predict runs that it was not fitted to? The largest ones are left out and foretold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torchladder.scaling.fit import LEVEL, WIDEST, Interval, fit, predict
from torchladder.scaling.runs import Law, NotFitted, Run

HELD_OUT = 0.2  # share of the runs that are left out, at least one
OUTSIDE = 2.0  # times as many runs outside their intervals as the level allows for: beyond it the law does not hold


@dataclass(frozen=True, slots=True)
class Predicted:
    """One run that was left out, and what was expected of it."""

    run: Run
    expected: Interval

    @property
    def error(self) -> float:
        """How far the run lies from the prediction, as a share of it; above 0 where the run is worse."""
        return self.run.loss / self.expected.middle - 1

    @property
    def inside(self) -> bool:
        """Whether the run lies inside the interval."""
        return self.run.loss in self.expected


@dataclass(frozen=True, slots=True)
class Check:
    """The runs that were left out, in order of size."""

    predicted: tuple[Predicted, ...]

    @property
    def holds(self) -> bool:
        """Whether the runs lie inside their intervals, but for the few that the level allows for."""
        allowed = sum(1 - p.expected.level for p in self.predicted)
        return sum(not p.inside for p in self.predicted) <= OUTSIDE * allowed

    @property
    def worst(self) -> float:
        """The largest error, as a share."""
        return max(abs(p.error) for p in self.predicted)


def check(
    runs: Sequence[Run],
    law: Law,
    *,
    held_out: int | None = None,
    level: float = LEVEL,
    widest: float = WIDEST,
    **options: Any,
) -> Check:
    """Fit without the largest runs, and predict them.

    Args:
        runs: All runs.
        law: Which sizes the loss is a function of.
        held_out: How many of the largest are left out (by the product of their sizes); a fifth when None.
        level: Of the intervals.
        widest: As for ``predict``.
        options: As for ``fit``.

    Raises:
        NotFitted: When what remains cannot carry the law, or predicts too vaguely.
    """
    ordered = sorted(runs, key=lambda r: _product(r.sizes(law)))
    n = max(round(HELD_OUT * len(ordered)), 1) if held_out is None else held_out
    if not 0 < n < len(ordered):
        msg = f"{n} of {len(ordered)} runs cannot be left out"
        raise NotFitted(msg)
    fitted = fit(ordered[:-n], law, **options)
    found = []
    for run in ordered[-n:]:
        sizes = dict(zip(law.value, run.sizes(law), strict=True))
        found.append(Predicted(run, predict(fitted, **sizes, level=level, widest=widest)))
    return Check(tuple(found))


def _product(sizes: Sequence[float]) -> float:
    """Return the product of sizes: in proportion to the compute of a run."""
    total = 1.0
    for size in sizes:
        total *= size
    return total
