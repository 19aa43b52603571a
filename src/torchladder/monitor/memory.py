"""What a run's memory does over its steps: one look a second, thinned out as the run goes on."""

from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from torchladder.core.loop_facts import MemoryFact

STATUS = Path("/proc/self/status")
FREE = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
SECONDS = 1.0  # between looks, at least; doubled each time that half of them are let go
KEPT = 128  # looks
KIB = 1024


class Memory:
    """Looks at what the process holds; files that are mapped are left out, as they grow by being read."""

    def __init__(self) -> None:
        self.looks: list[tuple[int, int, int]] = []  # step, bytes, passes over the training loader
        self._every = SECONDS
        self._next = 0.0

    def look(self, step: int, passes: int) -> None:
        """Note what is held now, when it is time."""
        now = perf_counter()
        if now < self._next:
            return
        self._next = now + self._every
        self.looks.append((step, bytes_held(), passes))
        if len(self.looks) >= KEPT:
            self.looks = self.looks[::2]
            self._every *= 2

    def facts(self) -> dict[str, MemoryFact]:
        """Return the row of the run so far."""
        if not self.looks:
            return {}
        steps, held, passes = zip(*self.looks, strict=True)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return {"memory": MemoryFact(steps, held, passes, bytes_free(), device)}


def bytes_held() -> int:
    """Return bytes held by tensors on the current CUDA device, or by the process itself; 0 if unknown."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    rows = _rows(STATUS)
    return rows.get("RssAnon", 0) + rows.get("RssShmem", 0)


def bytes_free() -> int | None:
    """Return bytes that may still be taken: of the CUDA device, else of the machine or of the container it gives us."""
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        return int(total - torch.cuda.memory_allocated())
    free = _rows(FREE).get("MemAvailable")
    limit = _limit()
    try:
        ours = limit - int((CGROUP / "memory.current").read_text()) if limit is not None else None
    except (OSError, ValueError):
        ours = None
    return min((f for f in (free, ours) if f is not None), default=None)


@cache
def _limit() -> int | None:
    """Return the limit of the container, if there is one."""
    try:
        return int((CGROUP / "memory.max").read_text())
    except (OSError, ValueError):
        return None


def _rows(path: Path) -> dict[str, int]:
    """Return the figures of a table of the system in bytes; none where it has no such table."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    parts = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(n) * KIB for name, n, _ in parts}
