"""What was seen of learning-rate schedulers: one row for each."""

from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class PlanFact:
    """A schedule on its own: its learning rate over its calls, made again apart from the program.

    Attributes:
        peak: Largest learning rate of any group within ``calls`` calls.
        rises_at: First call at which the rate is at nine tenths of the peak.
        gone_at: First call from which the rate stays below a thousandth of the peak, None if it does not.
        zero_at: First call from which the rate stays at exactly 0.
        reached, ends: Largest and last rate after the calls of the whole run as it goes, over the peak.
        reached_by_step, ends_by_step: The same if it were stepped after every optimizer step.
    """

    calls: int
    peak: float
    rises_at: int
    gone_at: int | None
    zero_at: int | None
    reached: float
    ends: float
    reached_by_step: float
    ends_by_step: float


@dataclass(frozen=True, slots=True)
class ScheduleFact:
    """One scheduler of one optimizer.

    Attributes:
        phase: Of its optimizer, -1 when that never stepped.
        created: Line that built it, ``handed`` the return of the function that built it (configure_optimizers).
        numbers: Its numbers, such as T_max, total_steps, step_size, gamma, milestones.
        horizon: Calls after which its plan is over, None for schedules without an end.
        calls: Calls of its step() by the program; ``steps`` of its optimizer since it was built.
        early_calls: Calls before the optimizer's first step after it was built, from a line that calls it again later.
        gap: Median optimizer steps between calls while the loaders were whole, None below two calls.
        hurried_gap: The same while they were cut short.
        pass_steps: Optimizer steps a whole pass over the training data takes, None when unknown.
        passes: Passes over the training data begun, None without a known data set.
        hurried: Whether training loaders were cut short in this run.
        inner: Whether another scheduler calls it.
        metrics: Values it was given (ReduceLROnPlateau), in order, at most 200.
    """

    phase: int
    type: str
    created: Place | None
    handed: Place | None
    step_places: tuple[Place, ...]
    numbers: dict[str, Any]
    horizon: int | None
    calls: int
    steps: int
    early_calls: int
    gap: float | None
    hurried_gap: float | None
    pass_steps: float | None
    passes: int | None
    hurried: bool
    inner: bool = False
    plan: PlanFact | None = None
    metrics: tuple[float, ...] = ()
    lrs: tuple[float, ...] = field(default=())

    @property
    def cadence(self) -> str | None:
        """Return "step" for a call with every optimizer step, "pass" for one each pass, None when unclear."""
        gap = self.gap
        if gap is not None:
            if gap <= 1:
                return "step"
            whole = self.pass_steps is not None and self.pass_steps > 1
            return "pass" if not whole or gap >= ALMOST * (self.pass_steps or 0) else None
        if self.passes and self.calls and abs(self.calls - self.passes) <= 1 and (self.pass_steps or 0) > 1:
            return "pass"
        return None

    @property
    def run_steps(self) -> float:
        """Return the optimizer steps of the whole run: as seen, or as its passes would make."""
        if not self.hurried or not self.passes or not self.pass_steps:
            return float(self.steps)
        return max(self.passes * self.pass_steps, float(self.steps))


ALMOST = 0.9
