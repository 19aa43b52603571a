"""A run as JSON lines in one file: {"event": "start" | "step" | "sample" | "histogram" | "alert" | "end", ...}.

The file only grows; a second run is appended. NaN and Inf are the strings "nan", "inf" and "-inf".
"""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart
from torchladder.runs.command import masked
from torchladder.runs.lines import Appender, Rows, plain, words


class Events:
    """Turns a run into lines and hands them to ``write``."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rows = Rows()

    def started(self, run: RunStart) -> None:
        """Write the start."""
        self._event("start", dataclasses.replace(run, command=masked(run.command)))

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Write a line a step."""
        self._write("".join(['{"event":"step",' + self._rows.line(step, values)[1:] for step, values in rows]))

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Write a sample."""
        self._write('{"event":"sample",' + self._rows.line(step, values)[1:])

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Write a histogram."""
        head = f'{{"event":"histogram","step":{step},"time":{time.time():.3f},"name":{json.dumps(name)}'
        self._write(f'{head},"edges":{words(edges)},"counts":{words(counts)}}}\n')

    def alert(self, step: int, finding: Finding) -> None:
        """Write a finding whole."""
        self._event("alert", {"step": step, "time": round(time.time(), 3), "finding": finding})

    def ended(self, end: RunEnd) -> None:
        """Write the end."""
        self._event("end", end)

    def _event(self, event: str, values: Any) -> None:
        self._write(json.dumps({"event": event, **plain(values)}, allow_nan=False) + "\n")


class JsonLines(Events):
    """Appends one run to a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(self._append)
        self.path = path
        self._file: Appender | None = None

    def started(self, run: RunStart) -> None:
        """Open the file; what a kill may have left of a line is ended."""
        self._file = Appender(self.path)
        if not ends_well(self.path):
            self._file.write("\n")
        super().started(run)

    def ended(self, end: RunEnd) -> None:
        """Write the end, and close."""
        super().ended(end)
        if self._file is not None:
            self._file.close()

    def _append(self, text: str) -> None:
        assert self._file is not None, "started comes first"
        self._file.write(text)


def ends_well(path: Path) -> bool:
    """Tell whether a file is empty or ends with the end of a line; what is no file has no end."""
    if not path.is_file() or path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"
