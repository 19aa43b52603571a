"""The user's own script as one run: started with its arguments, its metric read from what it prints or writes."""

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from torchladder.ablation.job import Result, failed
from torchladder.ablation.metric import NoMetric, Reading, from_file, from_text

TAIL = 2_000_000  # bytes of what it printed that are searched
USAGE = 2  # exit status of argparse for arguments it does not take


def run_program(content: Mapping[str, Any]) -> Result:
    """Run a program to its end and read its metric.

    Args:
        content: "argv", "cwd", "metric" and, if the metric is in a file, "file".
    """
    with tempfile.TemporaryFile() as out:
        began, wall = time.monotonic(), time.time()
        done = subprocess.run(
            content["argv"], cwd=content["cwd"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
        seconds = time.monotonic() - began
        text = _tail(out)
    if done.returncode:
        return failed(_why(done.returncode, text))
    try:
        reading = _read(content, text, wall)
    except NoMetric as error:
        return failed(str(error))
    name = content["metric"]
    return Result(
        "ended", metric=name, values={name: reading.value}, step=reading.step, seconds=seconds, told=[reading.where]
    )


def _read(content: Mapping[str, Any], text: str, wall: float) -> Reading:
    """Return the metric.

    Raises:
        NoMetric: If it is nowhere.
    """
    if not content.get("file"):
        return from_text(text, content["metric"])
    path = Path(content["cwd"], content["file"])
    if not path.is_file() or path.stat().st_mtime < wall - 1:  # of file systems that keep whole seconds
        msg = f"the run wrote no {content['file']}"
        raise NoMetric(msg)
    return from_file(path, content["metric"])


def _tail(file: BinaryIO) -> str:
    size = file.seek(0, 2)
    file.seek(max(size - TAIL, 0))
    return file.read().decode("utf-8", "replace").replace("\r", "\n")  # progress bars write over themselves


def _why(status: int, text: str) -> str:
    """Return why a program failed: the last line that it printed."""
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
    if status < 0:
        import signal

        name = signal.Signals(-status).name if -status in {s.value for s in signal.Signals} else str(-status)
        memory = ", perhaps since memory ran out" if name == "SIGKILL" else ""
        return f"killed by {name}{memory}; its last words: {last}"
    if status == USAGE and "unrecognized arguments" in last:
        return last.partition("error: ")[2] or last
    return f"{last} (exit status {status})"
