"""What a law is fitted to: finished runs, and which sets of them can carry a fit at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from torchladder.core.errors import UsageError

SPAN = 4.0  # the largest size over the smallest: below it an exponent is a guess
SPARE = 2  # sizes beyond the number of fitted numbers: what the residuals are judged by
RISES = 0.25  # share of the whole fall, in log loss, that may be undone on the way


class NotFitted(UsageError):  # noqa: N818 - an answer rather than a fault
    """The runs do not support what was asked; the message says why."""


class Law(Enum):
    """Which sizes the loss is a function of: loss = E + sum of coefficient / size ** exponent."""

    SAMPLES = ("samples",)
    PARAMETERS = ("parameters",)
    JOINT = ("parameters", "samples")

    @property
    def unknowns(self) -> int:
        """The numbers that are fitted: the floor, and coefficient and exponent of each size."""
        return 1 + 2 * len(self.value)


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run.

    Attributes:
        loss: Its held-out loss, above 0: a law is fitted to its logarithm.
        samples: Training samples (tokens) it was given, D; None where the law does not ask.
        parameters: Parameters of its model, N; None where the law does not ask.
    """

    loss: float
    samples: float | None = None
    parameters: float | None = None

    def size(self, name: str) -> float | None:
        """Return the size of this name."""
        return self.samples if name == "samples" else self.parameters

    def sizes(self, law: Law) -> tuple[float, ...]:
        """Return the sizes that a law asks for; NotFitted where one of them is missing."""
        found = [self.size(name) for name in law.value]
        known = tuple(v for v in found if v is not None)
        if len(known) < len(found):
            msg = f"a run without {' or '.join(law.value)} cannot be placed on this law"
            raise NotFitted(msg)
        return known


def require_fittable(runs: Sequence[Run], law: Law) -> None:
    """Raise NotFitted with the reason when no law of this kind can be told from these runs."""
    numbers = [(*r.sizes(law), r.loss) for r in runs]
    if not all(math.isfinite(v) and v > 0 for row in numbers for v in row):
        msg = "sizes and losses are finite and above 0"
        raise NotFitted(msg)
    needed = law.unknowns + SPARE
    distinct = {row[:-1] for row in numbers}
    if len(distinct) < needed:
        msg = f"{len(distinct)} sizes are too few: {needed} are needed to fit {law.unknowns} numbers and see how well"
        raise NotFitted(msg)
    for i, name in enumerate(law.value):
        values = [row[i] for row in numbers]
        if max(values) < SPAN * min(values):
            msg = (
                f"the {name} span a factor of {max(values) / min(values):.2g}; {SPAN:g} is the least that shows a trend"
            )
            raise NotFitted(msg)
    if len(law.value) == 1:
        _require_fall(numbers)


def _require_fall(numbers: Sequence[tuple[float, ...]]) -> None:
    """Refuse losses that do not fall with the size."""
    losses: dict[float, list[float]] = {}
    for size, loss in numbers:
        losses.setdefault(size, []).append(math.log(loss))
    means = [sum(v) / len(v) for _, v in sorted(losses.items())]
    fall = means[0] - means[-1]
    rises = sum(max(b - a, 0.0) for a, b in pairwise(means))
    if fall <= 0 or rises > RISES * fall:
        msg = "the loss does not fall steadily with the size, so no power law describes it"
        raise NotFitted(msg)
