"""A clock of parts that lie within each other: each is given the time that none of its own parts took."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WAITS = Path("/proc/thread-self/schedstat")  # nanoseconds on a core, and waiting for one


@dataclass
class Clock:
    """Seconds by part, on the wall and of them computing, this thread alone."""

    wall: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    busy: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _open: list[list[float]] = field(default_factory=list)  # what the parts inside took so far

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens in here for a part."""
        self._open.append([0.0, 0.0])
        wall, busy = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            wall, busy = time.perf_counter() - wall, time.thread_time() - busy
            inner = self._open.pop()
            self.wall[name] += wall - inner[0]
            self.busy[name] += busy - inner[1]
            if self._open:
                self._open[-1][0] += wall
                self._open[-1][1] += busy


class Timed:
    """Stands for a callable and counts its calls for a part; in all else it is that callable."""

    def __init__(self, inner: Any, name: str, clock: Clock) -> None:
        self.__dict__.update(_inner=inner, _name=name, _clock=clock)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        with self._clock.part(self._name):
            return self._inner(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)


def waited_for_core() -> float:
    """Return the seconds that this thread has waited for a core so far, 0 where nobody counts them."""
    try:
        return int(_WAITS.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
