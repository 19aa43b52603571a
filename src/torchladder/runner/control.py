"""The handle an observer inside the program holds: how to end the run, and what it leaves.

Ending means ``os._exit``: no ``finally`` or ``except`` of the user's code sees it.
"""

import contextlib
import os
import sys
import threading
import time
import traceback
from typing import Any, NoReturn, Protocol

from torchladder.core.facts import ErrorFact
from torchladder.core.jsonable import to_json
from torchladder.runner import record


class Collector(Protocol):
    """Whoever observes a run and can say what it saw, at any moment and from any thread."""

    def collect(self) -> dict[str, Any]:
        """Return what was seen so far, in JSON types."""


class Control:
    """Ends the run it belongs to, from inside; copies in forked children end those children.

    Attributes:
        scratch: Folder of this run; files written there are not redirected.
        seconds: Wall seconds the run may take.
    """

    def __init__(self, scratch: str, seconds: float, *, record_name: str = record.RUN) -> None:
        self.scratch = scratch
        self.seconds = seconds
        self.collector: Collector | None = None
        self.modules_before = frozenset(sys.modules)
        self._record_name = record_name
        self._pid = os.getpid()
        self._started = time.monotonic()
        self._ending = threading.Lock()

    def seconds_left(self) -> float:
        """Return the wall seconds until the run is ended from outside its steps."""
        return self.seconds - (time.monotonic() - self._started)

    def is_copy(self) -> bool:
        """Whether this is a copy in a process that the program forked."""
        return os.getpid() != self._pid

    def stop(self, reason: str = "stopped") -> NoReturn:
        """Collect and end this process at once; ``reason`` is kept beside the payload."""
        self.finish("stopped", reason=reason)
        leave(0)

    def finish(
        self,
        state: str,
        *,
        exit_status: int = 0,
        error: ErrorFact | None = None,
        reason: str | None = None,
        failure: str | None = None,
    ) -> None:
        """Collect and write the record of this process, once; later callers wait for the end."""
        if not self.is_copy() and not self._ending.acquire(blocking=False):
            threading.Event().wait()
        payload = None
        if failure is None:
            payload, failure = self._collect()
        content = {
            "state": state,
            "exit_status": exit_status,
            "error": to_json(error),
            "reason": reason,
            "failure": failure,
            "payload": payload,
            "seconds": time.monotonic() - self._started,
            "imported": list(record.imported_packages(self.modules_before)),
            "rank": int(os.environ.get("RANK", "0") or 0),
        }
        self._write(content)

    def _collect(self) -> tuple[dict[str, Any] | None, str | None]:
        if self.collector is None:
            return None, None
        try:
            return self.collector.collect(), None
        except BaseException:
            return None, traceback.format_exc()

    def _write(self, content: dict[str, Any]) -> None:
        # A child forked by the program carries a copy of this object and reports for itself.
        name = child_record_name() if self.is_copy() else self._record_name
        try:
            record.write(self.scratch, name, content)
        except TypeError as error:
            text = f"collect() returned something without a JSON form: {error}"
            record.write(self.scratch, name, content | {"payload": None, "failure": text})


def child_record_name() -> str:
    """Return the name of the record of this process, when it is a child of the program."""
    return f"child-{os.getpid()}.json"


def leave(status: int) -> NoReturn:
    """End the process now, losing nothing that was printed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(status)
