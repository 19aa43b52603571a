"""Brings what a monitor sees to its sinks: to some at once, as it must survive a kill, to others behind its back."""

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink

WAITING_MAX = 10_000  # deliveries that may wait; beyond that the slow sinks lose samples, never the training time


class Courier:
    """Delivers to ``prompt`` sinks at once and to ``patient`` ones from a thread of its own."""

    def __init__(self, prompt: Sequence[Sink] = (), patient: Sequence[Sink] = ()) -> None:
        self.prompt, self.patient = list(prompt), list(patient)
        self.failures: dict[str, str] = {}
        self.lost = 0
        self._queue: queue.Queue[Callable[[Sink], None] | None] = queue.Queue(WAITING_MAX)
        self._thread: threading.Thread | None = None

    def start(self, run: RunStart) -> None:
        """Open every sink."""
        self._at_once(lambda sink: sink.started(run))
        if self.patient:
            self._thread = threading.Thread(target=self._carry, name="torchladder", daemon=True)
            self._thread.start()
            self._later(lambda sink: sink.started(run))

    def meet(self, phase: int, optimizer: str, models: list[str]) -> None:
        """An optimizer stepped for the first time; nothing is written of it yet."""

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Deliver the scalars of a step."""
        row = ((step, values),)
        self._at_once(lambda sink: sink.steps(row))
        self._later(lambda sink: sink.steps(row))

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Deliver a sample."""
        self._both(lambda sink: sink.sample(step, values))

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Deliver a histogram."""
        self._both(lambda sink: sink.histogram(step, name, edges, counts))

    def alert(self, step: int, finding: Finding) -> None:
        """Deliver a verdict."""
        self._both(lambda sink: sink.alert(step, finding))

    def end(self, end: RunEnd, *, seconds: float = 30.0) -> None:
        """Close every sink; slow ones are given ``seconds``."""
        self._at_once(lambda sink: sink.ended(end))
        if self._thread is not None:
            self._later(lambda sink: sink.ended(end))
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _both(self, deliver: Callable[[Any], None]) -> None:
        self._at_once(deliver)
        self._later(deliver)

    def _at_once(self, deliver: Callable[[Any], None]) -> None:
        for sink in list(self.prompt):
            self._deliver(self.prompt, sink, deliver)

    def _later(self, deliver: Callable[[Any], None]) -> None:
        if self._thread is None or not self.patient:
            return
        try:
            self._queue.put_nowait(deliver)
        except queue.Full:
            self.lost += 1

    def _carry(self) -> None:
        while (deliver := self._queue.get()) is not None:
            for sink in list(self.patient):
                self._deliver(self.patient, sink, deliver)

    def _deliver(self, sinks: list[Sink], sink: Sink, deliver: Callable[[Any], None]) -> None:
        """Let a sink take something; one that raises is dropped and named."""
        try:
            deliver(sink)
        except Exception as error:
            self.failures[type(sink).__name__] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            sinks.remove(sink)
