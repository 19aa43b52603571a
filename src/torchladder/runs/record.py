"""The record of a run that torchladder itself makes, from its beginning to its end.

It is a run as ``watch`` records one (same folder, same index, same ``runs list``) with more in it: beside ``run.json``
and ``metrics.jsonl`` it holds ``provenance.json``, the five layers that say what was run (code, config, data, seed,
environment), ``code.diff`` when the code was not what the commit says, ``parameters.jsonl``, checksums by which a
second run is compared with this one, and a file for each note.

A loop uses it so::

    record = begin("train", config=recipe, data=fingerprint, seed=0, command=["train", "{config}"], folder=base)
    record.steps([(0, {"loss": 2.31, "lr": 0.001}), ...])      # each step once, many at a time, late if need be
    record.parameters(100, checksum)                           # every so many steps
    record.metric(100, {"val/accuracy": 0.81})                 # an evaluation after 100 steps
    record.note("ladder", report_as_json)
    record.end("ended", "reached 0.81 validation accuracy")
"""

import contextlib
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart, Sink
from torchladder.runs.aside import note_process
from torchladder.runs.folder import RunFolder, open_run
from torchladder.runs.layout import NOTES, PARAMETERS
from torchladder.runs.lines import Appender, plain
from torchladder.runs.provenance import Provenance, gather

State = Literal["ended", "crashed", "interrupted", "stopped"]


def begin(
    kind: str,
    *,
    config: Mapping[str, Any],
    data: Mapping[str, Any],
    seed: int | None,
    command: Sequence[str],
    folder: Path,
    name: str | None = None,
    say: Callable[[str], None] | None = None,
) -> "Record":
    """Begin a record.

    Args:
        kind: The verb that makes the run: "train".
        config: Everything that was configured, defaults included, as JSON values; the seed may be in it under "seed".
        data: What identifies the data, as ``runs.fingerprint.fingerprint`` returns it, or such results by name
            ("train", "val"); with what identifies the split beside them.
        seed: That everything was seeded with, None if nothing was.
        command: The words after ``torchladder`` that make this run again; ``command.CONFIG`` ("{config}") among
            them stands for the path of a JSON file with ``config``, which ``reproduce`` writes.
        folder: Of all runs, ``.torchladder/runs``.
        name: What the run is called in lists; the kind if not given.
        say: Is told, in one sentence, when nothing can be written; the run goes on without a record. Standard error
            if not given.
    """
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    start = RunStart(f"{stamp}-{os.getpid()}", name or kind, ("torchladder", *command), str(Path.cwd()), now)
    folder_of_run, sinks = open_run(folder, start, say or _say)
    made = Record(start.id, folder_of_run, sinks, now, say or _say)
    made.started(start, gather(kind, config=config, data=data, seed=seed, command=command, cwd=Path.cwd()))
    return made


class Record:
    """A run being recorded; made by ``begin``. Where nothing can be written, every call does nothing.

    Attributes:
        id: The run's name in ``torchladder runs``.
        folder: The run's own folder, for whatever else it leaves: checkpoints, pictures. None if there is no record.
    """

    def __init__(
        self, identity: str, folder: Path | None, sinks: Sequence[Sink], began: float, say: Callable[[str], None]
    ) -> None:
        self.id = folder.name if folder is not None else identity
        self.folder = folder
        self._sinks = list(sinks)
        self._began = began
        self._say = say
        self._steps = 0
        self._parameters: Appender | None = None
        self._findings: tuple[Finding, ...] = ()
        self._cost = 0.0
        self._over = False

    def started(self, start: RunStart, provenance: Provenance) -> None:
        """Write who runs, and what."""
        self._each(lambda sink: sink.started(start))
        if self.folder is not None:
            with self._guarded():
                provenance.write(self.folder)

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Take the scalars of steps, counted from 0: "loss", as exactly as it was computed, "lr" and others."""
        if not rows:
            return
        self._steps = max(self._steps, rows[-1][0] + 1)
        self._each(lambda sink: sink.steps(rows))

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        """Take what an evaluation after ``step`` steps gave, by name: "val/accuracy"."""
        self._each(lambda sink: sink.steps([(max(step - 1, 0), values)]))

    def parameters(self, step: int, checksum: str) -> None:
        """Take the checksum of the parameters after ``step`` steps, as ``checkpoints.checksum.of_tensors`` makes it."""
        if self.folder is None:
            return
        with self._guarded():
            if self._parameters is None:
                self._parameters = Appender(self.folder / PARAMETERS)
            self._parameters.write(json.dumps({"step": step, "sum": checksum}) + "\n")

    def note(self, name: str, value: Any) -> None:
        """Keep what was said of the run as JSON, in ``notes/NAME.json``: the ladder's report, a confusion matrix."""
        if self.folder is None:
            return
        path = self.folder / NOTES / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.json"
        with self._guarded():
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(plain(value), indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def sink(self) -> Sink:
        """Return a sink for a watch that runs along: its samples and alerts go into this record, its steps do not.

        Use it as ``Watch(folder=None, to=[record.sink()], ...)``.
        """
        return Alongside(self)

    def end(self, state: State, summary: str) -> None:
        """End the record with one sentence; nothing is called after."""
        if self._over:
            return
        self._over = True
        if self._parameters is not None:
            self._parameters.close()
        end = RunEnd(state, self._steps, time.time() - self._began, self._cost, summary, self._findings)
        if self.folder is not None:
            with self._guarded():
                note_process(self.folder, None)
        self._each(lambda sink: sink.ended(end))

    def watched(self, end: RunEnd) -> None:
        """Take what a watch found in all, and what it cost."""
        self._findings, self._cost = end.findings, end.cost

    @property
    def kept(self) -> RunFolder | None:
        """The sink that writes the folder."""
        return next((sink for sink in self._sinks if isinstance(sink, RunFolder)), None)

    def _each(self, deliver: Callable[[Sink], None]) -> None:
        """Let every sink take something; one that fails is dropped with a sentence, and the run goes on."""
        for sink in self._sinks[:]:
            try:
                deliver(sink)
            except (OSError, sqlite3.Error) as error:
                self._sinks.remove(sink)
                self._say(f"this run is recorded no further: {error}")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Say what could not be written, and go on."""
        try:
            yield
        except OSError as error:
            self._say(f"a part of the record is missing: {error}")


class Alongside:
    """Brings what a watch sees into the record of the run it watches."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def started(self, run: RunStart) -> None:
        """The record has begun already."""

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """The loop itself records its steps."""

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Record a sample."""
        if self._record.kept is not None:
            self._record.kept.sample(step, values)

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Record a histogram."""
        if self._record.kept is not None:
            self._record.kept.histogram(step, name, edges, counts)

    def alert(self, step: int, finding: Finding) -> None:
        """Record a verdict."""
        if self._record.kept is not None:
            self._record.kept.alert(step, finding)

    def ended(self, end: RunEnd) -> None:
        """Record what was found in all."""
        self._record.watched(end)


def _say(sentence: str) -> None:
    print(f"torchladder: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - the loop has no better place
