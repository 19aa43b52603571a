"""A run as a folder of plain files, written so that a kill at any moment loses at most the step in flight.

``run.json`` says how the run began and ended (written anew in one piece); ``metrics.jsonl`` has a line a step, the
latest of which may still be in ``last-steps.bin`` while the run goes on or when it was killed;
``samples.jsonl`` a line a sample, ``alerts.jsonl`` every finding whole, ``histograms.jsonl`` a line a histogram.
A step may have several lines, a later one adding what came late. Numbers without a JSON form are "nan", "inf", "-inf".
"""

import contextlib
import itertools
import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.runs.command import masked, told
from torchladder.runs.index import RunIndex
from torchladder.runs.layout import ALERTS, HISTOGRAMS, METRICS, RECORD, RING, SAMPLES, SCHEMA
from torchladder.runs.lines import Appender, Rows, plain, words
from torchladder.runs.ring import Ring


def open_run(base: Path, run: RunStart, say: Callable[[str], None]) -> tuple[Path | None, list[Sink]]:
    """Make the folder of a run under ``base``.

    Returns:
        The folder and the sinks that keep the record; None and no sinks, after a sentence to ``say``, where nothing
        can be written.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = base / (run.id if number == 1 else f"{run.id}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder, [RunFolder(folder), RunIndex(base, folder.name)]
    except OSError as error:
        say(f"no record of this run is kept: {error.filename or base} cannot be written ({error.strerror or error})")
    return None, []


class RunFolder:
    """Writes one run into its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record: dict[str, Any] = {}
        self._files: dict[str, Appender] = {}
        self._rows = Rows()
        self.ring: Ring | None = None

    def started(self, run: RunStart) -> None:
        """Write who runs."""
        self._record = {
            "schema": SCHEMA,
            **plain(run),
            "id": self.folder.name,
            "command": told(masked(run.command)),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "state": "running",
        }
        self._metrics = self._file(METRICS)
        with contextlib.suppress(OSError, ValueError):  # not every file system can map files into memory
            self.ring = Ring(self.folder / RING)
        self._write_record()

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Append a line a step."""
        line = self._rows.line
        self._metrics.write("".join([line(step, values) for step, values in rows]))

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Append the line of a sample."""
        self._file(SAMPLES).write(self._rows.line(step, values))

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Append the line of a histogram."""
        head = f'{{"step":{step},"time":{time.time():.3f},"name":{json.dumps(name)}'
        self._file(HISTOGRAMS).write(f'{head},"edges":{words(edges)},"counts":{words(counts)}}}\n')

    def alert(self, step: int, finding: Finding) -> None:
        """Append a finding."""
        row = {"step": step, "time": round(time.time(), 3), "finding": plain(finding)}
        self._file(ALERTS).write(json.dumps(row, allow_nan=False) + "\n")

    def ended(self, end: RunEnd) -> None:
        """Write how the run ended."""
        self._record |= {
            "state": end.state,
            "ended": round(self._record["started"] + end.seconds, 3),
            "steps": end.steps,
            "seconds": end.seconds,
            "cost": end.cost,
            "verdict": end.verdict,
            "findings": plain(end.findings),
        }
        for file in self._files.values():
            file.close()
        if self.ring is not None:
            self.ring.close()
        self._write_record()

    def _file(self, name: str) -> Appender:
        if name not in self._files:
            self._files[name] = Appender(self.folder / name)
        return self._files[name]

    def _write_record(self) -> None:
        """Replace ``run.json`` in one piece: a reader sees the old one or the new one."""
        path = self.folder / RECORD
        draft = path.with_name(f".{RECORD}.{os.getpid()}.tmp")
        try:
            draft.write_text(json.dumps(plain(self._record), indent=1, allow_nan=False) + "\n", encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror or error}"
            raise OSError(msg) from None
