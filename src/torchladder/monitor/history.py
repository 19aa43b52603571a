"""What a watched run has shown so far, on the host: bounded series, ready to become facts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Place

KEPT = 8192  # points of a series; when it is full every second one goes, and from then on every second is kept


class Series:
    """Values by step, evenly thinned out as the series grows; NaN and Inf are always kept."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []
        self.stride = 1
        self._count = 0

    def add(self, step: int, value: float) -> None:
        """Append a point."""
        due = self._count % self.stride == 0
        self._count += 1
        if not due and value - value == 0:
            return
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) >= KEPT:
            self.steps, self.values = self.steps[::2], self.values[::2]
            self.stride *= 2

    def extend(self, first: int, values: Sequence[float]) -> None:
        """Append points of consecutive steps."""
        if self.stride == 1 and len(self.steps) + len(values) < KEPT:
            self.steps += range(first, first + len(values))
            self.values += values
            self._count += len(values)
            return
        for i, value in enumerate(values):
            self.add(first + i, value)

    def last(self) -> float | None:
        """Return the latest value kept, None of an empty series."""
        return self.values[-1] if self.values else None


@dataclass
class Units:
    """Which units of a layer were ever alive, over the samples seen."""

    kind: str
    alive: Any
    samples: int = 0
    zeros: float = 0.0
    ends: float = 0.0
    looks: int = 0


@dataclass
class Parameter:
    """One parameter over the sampled steps; ``moved`` whether any look saw a change."""

    name: str
    shape: tuple[int, ...]
    fresh: bool
    grad: Series = field(default_factory=Series)
    top: Series = field(default_factory=Series)  # largest |element| of the gradient
    weight: Series = field(default_factory=Series)
    ratio: Series = field(default_factory=Series)


@dataclass
class Phase:
    """The life of one optimizer."""

    number: int
    optimizer: Any
    type: str
    steps: int = 0
    losses: Series = field(default_factory=Series)
    lrs: Series = field(default_factory=Series)
    norms: Series = field(default_factory=Series)
    raw: Series = field(default_factory=Series)
    weight_norm: float | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    units: dict[str, Units] = field(default_factory=dict)
    outputs: dict[str, dict[str, Series]] = field(default_factory=dict)  # of a layer: "mean", "std" … over the steps
    evaluating: list[tuple[int, bool]] = field(default_factory=list)
    step_places: Counter[Place] = field(default_factory=Counter)
    backward_places: Counter[Place] = field(default_factory=Counter)
    lr_zero: int = 0  # steps in a row, up to now, at which every group's rate was 0
    looks: int = 0  # steps before which its tensors' gradients were looked for
    gradless: int = 0  # of these, those at which none of its tensors had one


@dataclass
class History:
    """Everything, phase by phase."""

    phases: list[Phase] = field(default_factory=list)
    waited: float = 0.0  # seconds in the loaders, after the first step
    trained: float = 0.0  # seconds between the ends of steps, waiting included

    def phase_of(self, optimizer: Any) -> Phase:
        """Return the phase of an optimizer, made when it is first seen."""
        for phase in reversed(self.phases):
            if phase.optimizer is optimizer:
                return phase
        self.phases.append(Phase(len(self.phases), optimizer, type(optimizer).__name__))
        return self.phases[-1]


def finite(values: Iterable[float]) -> list[float]:
    """Return the values that are neither NaN nor Inf."""
    return [v for v in values if v - v == 0]
