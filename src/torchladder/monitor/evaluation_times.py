"""How long a live run evaluates between its training steps: from ``eval()`` to the next ``train()``."""

from statistics import median
from typing import NamedTuple

from torchladder.core.feeding_facts import EvaluationTimeFact
from torchladder.core.findings import Place

KEPT = 200  # evaluations, the latest


class Pause(NamedTuple):
    """An evaluation that has ended, in seconds, and the training since the one before."""

    seconds: float
    between: float
    steps: int


class EvaluationTimes:
    """Told when modules go into evaluation and back; one in which an optimizer steps is none."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.place: Place | None = None
        self._began: tuple[float, int] | None = None
        self._ended: tuple[float, int] | None = None

    def begin(self, now: float, step: int, place: Place | None) -> None:
        """Evaluation begins at ``now``, after ``step`` training steps."""
        if self._began is None or step > self._began[1]:
            self._began, self.place = (now, step), place

    def end(self, now: float, step: int) -> None:
        """A module goes back to training."""
        began, self._began = self._began, None
        if began is None or began[1] != step:
            return
        before, self._ended = self._ended, (now, step)
        if before is not None and step > before[1]:
            self.pauses = [*self.pauses[1 - KEPT :], Pause(now - began[0], began[0] - before[0], step - before[1])]

    def facts(self, passes: int) -> dict[str, tuple[EvaluationTimeFact, ...]]:
        """Return the row of the run so far; ``passes`` are those over the training data that have begun."""
        if not self.pauses:
            return {}
        seconds, between, steps = (median(values) for values in zip(*self.pauses, strict=True))
        n = len(self.pauses)
        row = EvaluationTimeFact(self.place, n, seconds, between, round(steps), each_epoch=passes > 1 and n <= passes)
        return {"evaluation_times": (row,)}
