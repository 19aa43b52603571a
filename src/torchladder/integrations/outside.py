"""A tracker's run of our own, kept in a process of its own and told of the run in JSON lines.

In the program's process it would be in the way: W&B hands a run that is open to whoever calls ``wandb.init`` next, and
importing a tracker takes seconds in which the training waits for the interpreter. The process ends with the program;
when that is killed, it closes the tracker's run.
"""

import contextlib
import importlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torchladder.core.errors import LadderError
from torchladder.core.findings import Finding
from torchladder.core.jsonable import from_json
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.integrations.jsonl import Events
from torchladder.runs.lines import parsed, value_of

TRACKERS = ("wandb", "mlflow")
PATIENCE_S = 25.0  # for the last of a run to be sent; after that the process goes on without us
WORDS_MAX = 300  # characters of a reason
# A signal for a broken pipe would end the program where it does not ignore it, as Python does by default.
QUIETLY = getattr(socket, "MSG_NOSIGNAL", 0)


class Outside:
    """The program's end: a sink that writes to the process."""

    def __init__(self, tracker: str, where: str | None) -> None:
        self._words = [sys.executable, "-P", "-m", "torchladder.integrations.outside", tracker, where or ""]
        self._events = Events(self._send)

    def started(self, run: RunStart) -> None:
        """Start the process."""
        self._socket, other = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process fails
        with other:
            self._process = subprocess.Popen(
                self._words,
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for the program; the process sees it end
            )
        self._events.started(run)

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Tell of steps."""
        self._events.steps(rows)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Tell of a sample."""
        self._events.sample(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Tell of a histogram."""
        self._events.histogram(step, name, edges, counts)

    def alert(self, step: int, finding: Finding) -> None:
        """Tell of a finding."""
        self._events.alert(step, finding)

    def ended(self, end: RunEnd) -> None:
        """Tell of the end, and wait for the tracker to have it."""
        self._events.ended(end)
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process.wait(PATIENCE_S) != 0:
                raise OSError(self._reason())

    def _send(self, text: str) -> None:
        try:
            self._socket.sendall(text.encode(), QUIETLY)
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
            raise OSError(self._reason()) from None

    def _reason(self) -> str:
        """Return the last line that the process said."""
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][:WORDS_MAX] if lines else "its process ended without a word"


def deliver(lines: Iterable[bytes], sink: Sink) -> None:
    """Hand events to a sink; a run whose lines stop without an end was killed."""
    steps, ended = 0, False
    for line in lines:
        event = parsed(line)
        if event is None:
            continue
        kind, step = event.pop("event"), event.pop("step", 0)
        steps = max(steps, step + 1)
        ended = kind == "end"
        _hand(kind, step, event, sink)
    if not ended:
        sink.ended(RunEnd("killed", steps, 0.0, 0.0, "the program was gone without an end"))


def _hand(kind: str, step: int, event: dict[str, Any], sink: Sink) -> None:
    if kind == "start":
        sink.started(from_json(RunStart, event))
    elif kind == "alert":
        sink.alert(step, from_json(Finding, event["finding"]))
    elif kind == "end":
        sink.ended(from_json(RunEnd, event))
    elif kind == "histogram":
        sink.histogram(step, event["name"], *([value_of(v) for v in event[key]] for key in ("edges", "counts")))
    else:
        values = {name: value_of(value) for name, value in event.items() if name != "time"}
        if kind == "step":
            sink.steps([(step, values)])
        else:
            sink.sample(step, values)


def main(words: Sequence[str]) -> int:
    """Be the process: keep a run of ``words[0]`` as told on standard input."""
    tracker, where = words
    assert tracker in TRACKERS
    lines = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())  # nothing may ask the user anything here
    try:
        sink: Sink = importlib.import_module(f"torchladder.integrations.{tracker}").OwnRun(where or None)
        deliver(lines, sink)
    except LadderError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by the program's end
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
