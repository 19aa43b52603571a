"""A sink that decides at the first delivery where it goes: by then a program has begun its tracker's run, if any."""

from collections.abc import Callable, Mapping, Sequence

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.integrations.pace import Pace


class Late:
    """Stands before the sink that ``choose`` finds, and thins out the steps of a fast run for it."""

    def __init__(self, choose: Callable[[], Sink]) -> None:
        self._choose = choose
        self._pace = Pace()
        self._start: RunStart | None = None
        self._sink: Sink | None = None

    def started(self, run: RunStart) -> None:
        """Wait."""
        self._start = run

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Pass scalars on."""
        passed = self._pace.thin(rows)
        if passed:
            self._chosen().steps(passed)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Pass a sample on."""
        self._chosen().sample(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Pass a histogram on."""
        self._chosen().histogram(step, name, edges, counts)

    def alert(self, step: int, finding: Finding) -> None:
        """Pass a finding on."""
        self._chosen().alert(step, finding)

    def ended(self, end: RunEnd) -> None:
        """Pass the end on; a program that never took a step leaves no run."""
        if self._sink is not None:
            if rest := self._pace.rest():
                self._sink.steps(rest)
            self._sink.ended(end)

    def _chosen(self) -> Sink:
        if self._sink is None:
            assert self._start is not None, "started comes first"
            sink = self._choose()
            sink.started(self._start)
            self._sink = sink
        return self._sink
