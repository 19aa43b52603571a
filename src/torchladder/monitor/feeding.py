"""How long the steps of a live run wait for their batches, loader by loader.

A few additions a batch. On a GPU the time counts as waiting only where the device has finished its work before the
batch is there: else the wait is hidden behind the work that is queued.
"""

import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from torchladder.core.feeding_facts import FeedingFact
from torchladder.core.findings import Place
from torchladder.core.machine import cores

LAST = 50  # steps over which the recent share is taken
KEPT = 1000  # batches since the last step that are remembered


@dataclass(slots=True)
class Meal:
    """One loader so far."""

    loader: weakref.ref[Any]
    settings: dict[str, Any]
    begins: bool = False  # whether its next batch is the first of a pass
    passes: int = 0
    batches: int = 0
    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    first_waited: float = 0.0
    hidden: float = 0.0
    last: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=LAST))


class Batch(NamedTuple):
    """A batch on its way to a step; ``busy``: the device had work when it came. No ``seconds``: a pass begins."""

    meal: Meal
    seconds: float | None
    came: float
    busy: bool


class Feeding:
    """Told of passes and batches as they come, in the thread that trains; steps are taken in many at a time."""

    def __init__(self) -> None:
        self.meals: dict[int, Meal] = {}
        self.device: str | None = None
        self.ends: list[float] = []  # of steps, to be taken in
        self.done: Any = None  # event at the end of what a step has queued on a GPU
        self._notes: list[Batch] = []
        self._served: deque[tuple[Batch, bool]] = deque(maxlen=KEPT)  # since the last step; whether they begin a pass
        self._stepped: float | None = None
        self._trained: Meal | None = None

    def opened(self, loader: Any, place: Callable[[], Place | None], now: float) -> None:
        """A pass over a loader begins; ``place`` tells where."""
        meal = self.meals.get(id(loader))
        if meal is None or meal.loader() is not loader:
            meal = self._meet(loader, place())
        self._notes.append(Batch(meal, None, now, busy=False))

    def served(self, loader: Any, seconds: float, now: float) -> None:
        """A batch has come after so long a wait."""
        meal = self.meals.get(id(loader))
        if meal is not None:
            self._notes.append(Batch(meal, seconds, now, self.done is not None and not self.done.query()))
            if len(self._notes) > KEPT:
                self.take_in()

    def meet(self, optimizer: Any) -> None:
        """Learn where the training runs."""
        self.device = next((p.device.type for g in optimizer.param_groups for p in g["params"]), None)

    def queued(self) -> None:
        """Mark the end of what a step has given a GPU to do. Waits for nothing."""
        self.done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.done.record()

    @property
    def passes(self) -> int:
        """Passes over the loader that feeds the training."""
        return self._trained.passes if self._trained is not None else 0

    def take_in(self) -> None:
        """Take in the batches so far, and the steps whose ends are noted."""
        notes, self._notes = self._notes, []
        ends, self.ends = self.ends, []
        at = 0
        for end in ends:
            while at < len(notes) and notes[at].came <= end:
                self._take(notes[at])
                at += 1
            self._step(end)
        for note in notes[at:]:
            self._take(note)

    def _take(self, note: Batch) -> None:
        meal = note.meal
        if note.seconds is None:
            meal.passes += 1
            meal.begins = True
            return
        self._served.append((note, meal.begins))
        meal.begins = False
        meal.batches += 1

    def _step(self, end: float) -> None:
        """Count the time of a step for the loader whose batches came last."""
        served, before, self._stepped = self._served, self._stepped, end
        self._trained = served[-1][0].meal if served else self._trained
        if self._trained is not None and before is not None:
            self._count(self._trained, before, end)
        served.clear()

    def _meet(self, loader: Any, place: Place | None) -> Meal:
        """Return the row of a loader that is new: that of one that is gone where a line makes the like anew."""
        settings = _settings(loader, place)
        gone = next((k for k, m in self.meals.items() if m.loader() is None and m.settings == settings), None)
        meal = Meal(weakref.ref(loader), settings) if gone is None else self.meals.pop(gone)
        meal.loader = weakref.ref(loader)
        self.meals[id(loader)] = meal
        return meal

    def _count(self, meal: Meal, start: float, end: float) -> None:
        """Add a step: a pass over another loader since the last one does not belong to it."""
        idle, came = 0.0, end
        for batch, begins in reversed(self._served):
            if batch.meal is not meal:
                start = came
                break
            seconds = batch.seconds or 0.0
            came = batch.came - seconds
            if batch.busy:
                meal.hidden += seconds
                continue
            idle += seconds
            meal.first_waited += seconds if begins else 0.0
        meal.steps += 1
        meal.seconds += end - start
        meal.waited += idle
        meal.last.append((idle, end - start))

    def facts(self) -> dict[str, Any]:
        """Return one row a loader."""
        return {"feeding": tuple(self._fact(m) for m in self.meals.values())}

    def _fact(self, meal: Meal) -> FeedingFact:
        whole = sum(seconds for _, seconds in meal.last)
        enough = len(meal.last) == LAST and whole > 0
        return FeedingFact(
            **meal.settings,
            device=self.device,
            passes=meal.passes,
            batches=meal.batches,
            steps=meal.steps,
            seconds=meal.seconds,
            waited=meal.waited,
            first_waited=meal.first_waited,
            hidden=meal.hidden,
            recent=sum(idle for idle, _ in meal.last) / whole if enough else None,
        )


def _settings(loader: Any, place: Place | None) -> dict[str, Any]:
    return {
        "place": place,
        "dataset": type(loader.dataset).__name__,
        "batch_size": loader.batch_size,
        "num_workers": int(loader.num_workers),
        "persistent_workers": bool(loader.persistent_workers),
        "pin_memory": bool(loader.pin_memory),
        "cores": cores(),
    }
