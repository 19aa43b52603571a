"""Processes a program left behind: its group, and those that left the group."""

import contextlib
import os
import signal
from pathlib import Path


def kill_group(pid: int) -> None:
    """Kill the process ``pid``, which must not be reaped yet, and all of its group."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def kill_strays(mark: str) -> None:
    """Kill every process of ours that was started with ``mark`` in its environment.

    torchrun starts its workers in sessions of their own, out of reach of the group.
    """
    proc = Path("/proc")
    if not proc.is_dir():
        return
    wanted = mark.encode()
    for folder in proc.iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        # Other users' processes cannot be read, and processes end while we look.
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid() and wanted in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
