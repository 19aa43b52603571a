"""One experiment, one process: fork, watch the clock, read the record, leave nothing running.

The parent must not compute with torch before it forks: OpenMP's threads do not survive a fork.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchladder.core.errors import InternalError
from torchladder.core.facts import ErrorFact, ProgramFact
from torchladder.core.jsonable import from_json
from torchladder.runner import child, processes, record
from torchladder.runner.preload import preload
from torchladder.runner.spawned import spawn
from torchladder.runner.target import Target

# Time for a collector to finish and for the record to be written after the deadline.
GRACE_SECONDS = 10.0
# Short beside a fork (about 20 ms with torch loaded), long beside the cost of looking.
_POLL_SECONDS = 0.005
_TICK_SECONDS = 0.2
# What a shell adds to the number of the signal that ended a program.
_SIGNAL_STATUS = 128


@dataclass(frozen=True)
class Run:
    """What one experiment gave.

    Attributes:
        payload: What the collector returned, None if it could not.
        program: How the program went.
        failure: Traceback of our own observer when it failed, else None.
        reason: What ``Control.stop`` was given, else None.
    """

    payload: dict[str, Any] | None
    program: ProgramFact
    failure: str | None = None
    reason: str | None = None


def run(
    target: Target,
    entry: str,
    options: dict[str, Any],
    *,
    seconds: float,
    scratch: str,
    on_tick: Callable[[float], None] | None = None,
) -> Run:
    """Run ``target`` in a forked child under the observer that ``entry`` attaches.

    Args:
        target: The program.
        entry: ``package.module:function``, called as ``function(control, options)`` in the child
            before the program starts; returns a Collector.
        options: JSON types, for ``entry``.
        seconds: Wall seconds after which the child collects and ends.
        scratch: Folder of this experiment; one of its own, so that a program never finds a
            checkpoint of another experiment.
        on_tick: Called with the elapsed seconds several times a second.

    Raises:
        InternalError: If the platform has no POSIX processes.
    """
    preload(target)
    _check_platform()
    folder = Path(scratch).resolve()
    _prepare(folder, entry)
    started = time.monotonic()
    pid = _start(target, entry, options, seconds=seconds, scratch=str(folder))
    try:
        _wait(pid, started, seconds + GRACE_SECONDS, on_tick)
    finally:
        processes.kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        processes.kill_strays(str(folder))
    return _read(str(folder), status, usage.ru_maxrss, time.monotonic() - started, seconds)


def _check_platform() -> None:
    if not hasattr(os, "waitid"):
        msg = "this platform has no POSIX processes, which torchladder needs to run experiments"
        raise InternalError(msg)


def can_fork() -> bool:
    """Tell whether a forked child could use torch: not once CUDA is up in this process."""
    torch = sys.modules.get("torch")
    return hasattr(os, "fork") and not (torch is not None and torch.cuda.is_initialized())


def _start(target: Target, entry: str, options: dict[str, Any], *, seconds: float, scratch: str) -> int:
    """Start the child and return its process id."""
    if not can_fork():
        return spawn(target, entry, options, seconds=seconds, scratch=scratch)
    with warnings.catch_warnings():
        # Python 3.12 warns of threads in the parent; those of libraries hold no lock here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        child.live(target, entry, options, seconds=seconds, scratch=scratch)
    return pid


def _prepare(folder: Path, entry: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in (record.RUN, record.STDOUT, record.STDERR):
        (folder / old).unlink(missing_ok=True)
    for old_child in folder.glob("child-*.json"):
        old_child.unlink()
    # Loaded here once rather than in each child; a failure shows up there, with its traceback.
    with contextlib.suppress(Exception):
        importlib.import_module(entry.partition(":")[0])
    for stream in (sys.stdout, sys.stderr):
        # What is still in a buffer would be printed once more by the child.
        with contextlib.suppress(Exception):
            stream.flush()


def _wait(pid: int, started: float, seconds: float, on_tick: Callable[[float], None] | None) -> None:
    """Return when the child has ended or its time is up; it is not reaped here."""
    next_tick = _TICK_SECONDS
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        elapsed = time.monotonic() - started
        if elapsed > seconds:
            return
        if on_tick is not None and elapsed >= next_tick:
            next_tick = elapsed + _TICK_SECONDS
            on_tick(elapsed)
        time.sleep(_POLL_SECONDS)


def _read(scratch: str, status: int, max_rss: int, elapsed: float, seconds: float) -> Run:
    content = record.read(scratch, record.RUN) or _without_record(status, elapsed, seconds)
    # Linux counts in KiB, macOS in bytes.
    peak = max_rss if sys.platform == "darwin" else max_rss * 1024
    program = ProgramFact(
        state=str(content["state"]),
        exit_status=int(content.get("exit_status") or 0),
        error=from_json(ErrorFact | None, content.get("error")),
        seconds=float(content.get("seconds") or elapsed),
        stdout_tail=record.tail(scratch, record.STDOUT),
        imported=tuple(content.get("imported") or ()),
        peak_memory_bytes=peak,
    )
    return Run(
        payload=content.get("payload"),
        program=program,
        failure=content.get("failure"),
        reason=content.get("reason"),
    )


def _without_record(status: int, elapsed: float, seconds: float) -> dict[str, Any]:
    """Describe a child that could not write its record: killed, or out of time in C code."""
    if elapsed > seconds + GRACE_SECONDS:
        failure = "the program did not react at its deadline and was killed"
        return {"state": "timeout", "failure": failure}
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        error = {"type": name, "message": f"ended by signal {name}", "traceback": "", "frames": []}
        return {"state": "killed", "exit_status": _SIGNAL_STATUS + number, "error": error}
    code = os.waitstatus_to_exitcode(status)
    # The program left by os._exit: neither it nor we had a chance to say anything.
    return {"state": "exited" if code else "ended", "exit_status": code}
