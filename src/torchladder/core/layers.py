"""What a run's samples say of its layers: for each, the course of a handful of figures, and what is ordinary.

The ranges are what a well-initialised network shows: they stand beside the figures for a reader, no verdict
rests on them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

VANISHING, EXPLODING = 1e-7, 100.0  # of a gradient's elements
IMBALANCE = 100.0  # of the first layer's gradient over the last one's, either way
LARGE_OUTPUT = 10.0  # standard deviation, of an ordinary 1
SATURATED = 0.5  # share of a sigmoid's or tanh's outputs at its ends
UPDATE = (1e-4, 1e-2)  # |update| / |weight| in a step; about 1e-3 is usual


@dataclass(frozen=True, slots=True)
class Course:
    """One figure over the sampled steps."""

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def at(self, step: int) -> float | None:
        """Return the value at a step, None if it was not sampled."""
        for known, value in zip(reversed(self.steps), reversed(self.values), strict=True):
            if known == step:
                return value
        return None


@dataclass(frozen=True, slots=True)
class LayerCourse:
    """One layer.

    Attributes:
        name: Of the module.
        kind: Of the module where its outputs were seen, else "".
        gradient: Root mean square of the elements of its gradient.
        largest: The largest |element| of its gradient.
        weight: Norm of its weights.
        update: |update| / |weight| in the step.
        mean, std, zeros, least, most: Of its outputs; ``zeros`` is a share.
        ends: Share of its outputs at the ends of a sigmoid or tanh.
    """

    name: str
    kind: str = ""
    gradient: Course = field(default_factory=Course)
    largest: Course = field(default_factory=Course)
    weight: Course = field(default_factory=Course)
    update: Course = field(default_factory=Course)
    mean: Course = field(default_factory=Course)
    std: Course = field(default_factory=Course)
    zeros: Course = field(default_factory=Course)
    least: Course = field(default_factory=Course)
    most: Course = field(default_factory=Course)
    ends: Course = field(default_factory=Course)

    def remarks(self, step: int) -> list[str]:
        """Return what is out of the ordinary at a sampled step, in a word or two each."""
        return [*_of_gradient(self.gradient.at(step)), *self._of_outputs(step)]

    def _of_outputs(self, step: int) -> list[str]:
        std, zeros, ends = self.std.at(step), self.zeros.at(step), self.ends.at(step)
        if std is None:
            return []
        if not math.isfinite(std):
            return ["output not finite"]
        if zeros == 1:
            return ["dead: all zero"]
        if std == 0:
            return ["constant output"]
        if std > LARGE_OUTPUT:
            return ["large output"]
        return ["saturated"] if ends is not None and ends > SATURATED else []


def _of_gradient(value: float | None) -> list[str]:
    if value is None:
        return []
    if not math.isfinite(value):
        return ["gradient not finite"]
    if value == 0:
        return ["zero gradient"]
    if value < VANISHING:
        return ["vanishing"]
    return ["exploding"] if value > EXPLODING else []


def sampled(layers: Sequence[LayerCourse]) -> tuple[int, ...]:
    """Return the steps at which anything was sampled."""
    return tuple(sorted({s for row in layers for course in (row.gradient, row.std) for s in course.steps}))


def first_over_last(layers: Sequence[LayerCourse], step: int) -> float | None:
    """Return the first layer's gradient over the last one's, None where that says nothing."""
    known = [g for row in layers if (g := row.gradient.at(step)) is not None]
    if len(known) < 2 or not known[-1] or not all(math.isfinite(g) for g in (known[0], known[-1])):  # noqa: PLR2004
        return None
    return known[0] / known[-1]
