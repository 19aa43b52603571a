"""The index over runs: one SQLite table beside their folders, written while they run, rebuilt from them at need.

The folders are the truth. The index makes a list of many runs quick; whoever reads it asks the folders of the runs that
have not ended and of those it does not know, so a lost, stale or damaged index costs time and nothing else.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from torchladder.core.findings import Finding
from torchladder.core.sinks import RunEnd, RunStart
from torchladder.runs.layout import RECORD, index_of
from torchladder.runs.lines import value_of, word
from torchladder.runs.summary import Summary, is_over, summary_of

SCHEMA = 1
PATIENCE_S = 5.0  # for another process that is writing
BEAT_S, BEAT_MAX_S = 1.0, 10.0  # between two signs of life; a hundredth of the run's age, within these
BEAT_SHARE = 0.01
WAIT_S = 0.01  # before another try where SQLite itself does not wait
BEAT_PATIENCE_MS = 5  # a sign of life may be left out, the training may not wait for it
COLUMNS = tuple(field.name for field in fields(Summary))
_KINDS = {"pid": "INTEGER", "steps": "INTEGER", "started": "REAL", "ended": "REAL", "cost": "REAL", "heartbeat": "REAL"}
_TABLE = ", ".join(f"{c} {_KINDS.get(c, 'TEXT')}{' PRIMARY KEY' if c == 'id' else ''}" for c in COLUMNS)
_PUT = f"INSERT OR REPLACE INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join(':' + c for c in COLUMNS)})"


class RunIndex:
    """Keeps the row of one run up to date; cheap enough for the thread that trains."""

    def __init__(self, base: Path, name: str) -> None:
        self.base, self.name = base, name
        self._connection: sqlite3.Connection | None = None
        self._last: tuple[int, Mapping[str, float]] = (-1, {})
        self._loss: float | None = None
        self._began = self._next = 0.0

    def started(self, run: RunStart) -> None:
        """Add the row; the folder's ``run.json`` is there already."""
        del run
        self._connection = writable(self.base)
        _OPEN.add(self)
        put(self._connection, [s for s in [summary_of(self.base / self.name)] if s is not None])
        self._connection.execute(f"PRAGMA busy_timeout = {BEAT_PATIENCE_MS}")
        self._began = time.monotonic()
        self._next = self._began + BEAT_S

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Note where the run is, and write it when a sign of life is due."""
        step, values = rows[-1]
        if step > self._last[0]:
            self._last = step, values
        if "loss" in values:
            self._loss = values["loss"]
        now = time.monotonic()
        if now >= self._next:
            self._next = now + min(max(BEAT_S, BEAT_SHARE * (now - self._began)), BEAT_MAX_S)
            self._set(steps=self._last[0] + 1, loss=self._loss)

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Samples are not in the index."""

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Histograms are not in the index."""

    def alert(self, step: int, finding: Finding) -> None:
        """A reader finds the worst finding of a running run in its folder."""

    def ended(self, end: RunEnd) -> None:
        """Write the last state of the row, and close."""
        if self._connection is None:
            return
        self._connection.execute(f"PRAGMA busy_timeout = {int(1000 * PATIENCE_S)}")
        now = time.time()
        self._set(
            steps=end.steps, loss=self._loss, state=end.state, ended=now, verdict=end.verdict, cost=end.cost, must=True
        )
        self._connection.close()
        self._connection = None
        _OPEN.discard(self)

    def leave_to_parent(self) -> None:
        """Write no more, in a forked child; the connection stays open, since closing it could end the parent's log."""
        if self._connection is not None:
            _INHERITED.append(self._connection)
            self._connection = None

    def _set(self, *, must: bool = False, **values: Any) -> None:
        """Change columns of the row; unless it ``must``, another writer is let pass."""
        if self._connection is None:
            return
        values |= {"heartbeat": time.time(), "loss": None if values["loss"] is None else word(values["loss"])}
        columns = ", ".join(f"{name} = :{name}" for name in values)
        try:
            self._connection.execute(f"UPDATE runs SET {columns} WHERE id = :id", {**values, "id": self.name})
        except sqlite3.OperationalError as error:
            if must or "locked" not in str(error):
                raise


_OPEN: set[RunIndex] = set()
_INHERITED: list[sqlite3.Connection] = []


def _in_child() -> None:
    for index in _OPEN:
        index.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def writable(base: Path) -> sqlite3.Connection:
    """Return a connection that may write, to an index that is set up; a damaged one is made anew.

    Raises:
        sqlite3.OperationalError: If the folder cannot be written, or another process never lets go.
    """
    path = index_of(base)
    try:
        return _set_up(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    discard(path)
    return _set_up(path)


def discard(path: Path) -> None:
    """Remove a damaged index with what belongs to it."""
    for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a file that is no index of this schema from one that cannot be reached now."""
    return type(error) is sqlite3.DatabaseError or "no such" in str(error)


def _set_up(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        _into_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing, a power cut the last beats
        if _version(connection) != SCHEMA:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) != SCHEMA:  # another process may have been first
                connection.execute("DROP TABLE IF EXISTS runs")
                connection.execute(f"CREATE TABLE runs ({_TABLE}) WITHOUT ROWID")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.execute("COMMIT")
        connection.execute("SELECT id, heartbeat FROM runs LIMIT 1").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _into_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log, so that it can be read while it is written."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # SQLite does not wait for others here
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(WAIT_S)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def put(connection: sqlite3.Connection, summaries: Iterable[Summary]) -> None:
    """Write rows whole."""
    made = [
        {name: getattr(s, name) for name in COLUMNS}
        | {"command": json.dumps(s.command), "loss": None if s.loss is None else word(s.loss)}
        for s in summaries
    ]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_PUT, made)
    connection.execute("COMMIT")


def runs_in(base: Path) -> list[Summary]:
    """Return every run whose folder is in ``base``, the newest first; the index is brought up to date on the way."""
    try:
        names = {folder.name for folder in base.iterdir() if (folder / RECORD).is_file()}
    except OSError:
        return []
    if not names:
        return []
    connection, known = _known(base)
    ended = {name: s for name, s in known.items() if name in names and is_over(s.state)}
    others = {name: s for name in names - ended.keys() if (s := summary_of(base / name)) is not None}
    if connection is not None:
        changed = [s for name, s in others.items() if name not in known or is_over(s.state)]
        with contextlib.closing(connection), contextlib.suppress(sqlite3.Error):
            if changed:
                put(connection, changed)
            if gone := known.keys() - names:
                connection.executemany("DELETE FROM runs WHERE id = ?", [(name,) for name in gone])
    return sorted([*ended.values(), *others.values()], key=lambda s: (s.started, s.id), reverse=True)


def _known(base: Path) -> tuple[sqlite3.Connection | None, dict[str, Summary]]:
    """Return the index and its rows by id; nothing where it can be neither used nor made anew."""
    with contextlib.suppress(sqlite3.Error, OSError):
        for _ in range(2):
            connection = writable(base)
            try:
                return connection, _rows(connection)
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:
                connection.close()
                if isinstance(error, sqlite3.DatabaseError) and not is_damage(error):
                    break
                discard(index_of(base))
    return None, {}  # a folder that one may only read: its runs are listed all the same


def _rows(connection: sqlite3.Connection) -> dict[str, Summary]:
    made = {}
    for row in connection.execute(f"SELECT {', '.join(COLUMNS)} FROM runs"):
        values = dict(zip(COLUMNS, row, strict=True))
        values["command"] = tuple(json.loads(values["command"]))
        values["loss"] = None if values["loss"] is None else value_of(json.loads(values["loss"]))
        made[values["id"]] = Summary(**values)
    return made
