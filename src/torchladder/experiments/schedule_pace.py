"""A scheduler steps at another pace: after every optimizer step, every so many calls, or not before the first step."""

from collections import Counter
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from torchladder.probes.phases import Phase
from torchladder.probes.schedules import Schedules
from torchladder.probes.session import Session


class Pace:
    """Decides which of the program's calls count, and makes those that it does not make."""

    def __init__(self, session: Session, phase: int, every: int | None, *, late: bool) -> None:
        self.session, self.phase, self.every, self.late = session, phase, every, late
        self.calls: Counter[int] = Counter()
        self.own = False

    def is_meant(self, scheduler: Any) -> bool:
        """Tell whether a scheduler belongs to the phase; before the first phase every one does."""
        phases = self.session.phases
        return len(phases) <= self.phase or phases[self.phase].optimizer is scheduler.optimizer

    def __call__(self, scheduler: Any) -> bool:
        """Tell whether this call counts."""
        if self.own or isinstance(scheduler, ReduceLROnPlateau) or not self.is_meant(scheduler):
            return True
        if self.late:
            return bool(self.session.steps)
        self.calls[id(scheduler)] += 1
        return self.every is not None and self.calls[id(scheduler)] % self.every == 0

    def step(self, phase: Phase | None) -> None:
        """Step the schedulers of the phase after a step of its optimizer."""
        if phase is None or phase.id != self.phase:
            return
        probe = self.session.probes["schedules"]
        assert isinstance(probe, Schedules)
        self.own = True
        try:
            for row in list(probe.table.values()):
                plateau = isinstance(row.scheduler, ReduceLROnPlateau)
                if row.scheduler.optimizer is phase.optimizer and not plateau and id(row.scheduler) not in probe.inner:
                    _step(row.scheduler)
        finally:
            self.own = False


def _step(scheduler: Any) -> None:
    try:
        scheduler.step()
    except ValueError:  # a one-cycle that is over
        return


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``; ``every`` n-th call counts, or ``late`` calls, or else one after every optimizer step."""
    pace = Pace(session, args.get("phase", 0), args.get("every"), late=bool(args.get("late")))
    probe = session.probes["schedules"]
    assert isinstance(probe, Schedules)
    probe.pace = pace
    if pace.every is None and not pace.late:
        session.on_step.append(pace.step)
