"""Brings what a monitor sees to its sinks: to some at once, as it must survive a kill, to others behind its back."""

import threading
from collections.abc import Callable, Mapping, Sequence

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.runs.ring import Ring

WAITING_MAX = 10_000  # deliveries that may wait; beyond that the slow sinks lose samples, never the training time
EVERY_S = 0.2  # seconds between two deliveries to the slow sinks: waking their thread at each step costs the training

Row = tuple[int, Mapping[str, float]]


class Courier:
    """Delivers to ``prompt`` sinks at once and to ``patient`` ones from a thread of its own, several times a second."""

    def __init__(self, prompt: Sequence[Sink] = (), patient: Sequence[Sink] = ()) -> None:
        self.prompt, self.patient = list(prompt), list(patient)
        self.failures: dict[str, str] = {}
        self.lost = 0
        self._waiting: list[Callable[[Sink], None]] = []
        self._rows: list[Row] = []  # of consecutive steps, not yet in ``_waiting``
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, run: RunStart) -> None:
        """Open every sink."""
        self._at_once(lambda sink: sink.started(run))
        if self.patient:
            self._later(lambda sink: sink.started(run))
            self._thread = threading.Thread(target=self._carry, name="torchladder", daemon=True)
            self._thread.start()

    @property
    def ring(self) -> Ring:
        """Where steps are noted before they are delivered; what is in a file survives a kill."""
        rings = [ring for sink in self.prompt if (ring := getattr(sink, "ring", None)) is not None]
        return rings[0] if rings else Ring()

    def steps(self, rows: Sequence[Row]) -> None:
        """Deliver the scalars of steps."""
        self._at_once(lambda sink: sink.steps(rows))
        if self.patient:
            with self._lock:
                self._rows += rows

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
            self._over.set()
            self._thread.join(seconds)

    def _both(self, deliver: Callable[[Sink], None]) -> None:
        self._at_once(deliver)
        if self.patient:
            self._later(deliver)

    def _at_once(self, deliver: Callable[[Sink], None]) -> None:
        for sink in self.prompt[:]:
            self._deliver(self.prompt, sink, deliver)

    def _later(self, deliver: Callable[[Sink], None]) -> None:
        with self._lock:
            self._gather()
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(deliver)
            else:
                self.lost += 1

    def _gather(self) -> None:
        """Make one delivery of the steps so far; the lock is held."""
        if self._rows:
            rows, self._rows = tuple(self._rows), []
            self._waiting.append(lambda sink: sink.steps(rows))

    def _carry(self) -> None:
        over = False
        while not over:
            over = self._over.wait(EVERY_S)
            with self._lock:
                self._gather()
                waiting, self._waiting = self._waiting, []
            for deliver in waiting:
                for sink in self.patient[:]:
                    self._deliver(self.patient, sink, deliver)

    def _deliver(self, sinks: list[Sink], sink: Sink, deliver: Callable[[Sink], None]) -> None:
        """Let a sink take something; one that raises is dropped and named."""
        try:
            deliver(sink)
        except Exception as error:
            self.failures[type(sink).__name__] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            sinks.remove(sink)
