"""Whether a run whose end was never written is still going on."""

import os
import socket
import sys
import time
from pathlib import Path

SILENCE_S = 600.0  # without a sign of life; an evaluation or a checkpoint between two steps may take minutes
CLOCKS_S = 5.0  # by which the kernel's start time of a process may be off


def state_of(pid: int, host: str, started: float, heartbeat: float) -> str:
    """Return "running", "killed", or "silent" where the process cannot be asked and has long said nothing."""
    here = is_there(pid, started) if host == socket.gethostname() else None
    if here is not None:
        return "running" if here else "killed"
    return "running" if time.time() - heartbeat < SILENCE_S else "silent"


def is_there(pid: int, started: float) -> bool | None:
    """Return whether the process that began a run at ``started`` is alive; None if that cannot be asked here."""
    if sys.platform == "win32":  # os.kill would end the process there
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return None
    seen = _linux_process(pid)
    if seen is None:
        return True
    state, began = seen
    # A dead child that nobody has waited for still has its number, and numbers are given out again.
    return state not in {"Z", "X"} and began < started + CLOCKS_S


def _linux_process(pid: int) -> tuple[str, float] | None:
    """Return the state letter of a process and when it began, in seconds since the epoch."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = next(
            float(line.split()[1]) for line in Path("/proc/stat").read_text("utf-8").splitlines() if line[:5] == "btime"
        )
        return fields[0], boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, StopIteration, ValueError, IndexError):
        return None
