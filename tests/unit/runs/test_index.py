"""The index: quick to read, true to the folders, and never in the way."""

import contextlib
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.runs.writing import dead_pid, end, finding, opened, start, write_run
from torchladder.core.findings import Severity
from torchladder.runs import alive
from torchladder.runs.index import RunIndex, runs_in, writable
from torchladder.runs.layout import index_of


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / ".torchladder" / "runs"


def in_index(base: Path) -> list[tuple[str, str, int]]:
    with contextlib.closing(sqlite3.connect(index_of(base))) as connection:
        return connection.execute("SELECT id, state, steps FROM runs ORDER BY id").fetchall()


def test_runs_are_listed_newest_first(base: Path) -> None:
    """With what the table shows of each."""
    write_run(base, start("a", started=100.0), finish=end())
    write_run(base, start("b", started=200.0), losses=(1.0, math.nan), finish=end(state="crashed", steps=2))

    newest, oldest = runs_in(base)
    assert ("b", "crashed", 2) == (newest.id, newest.state, newest.steps)
    assert math.isnan(newest.loss)
    assert ("a", "ended", 3, 1.0, 0.008, "loss 2 -> 1") == (
        oldest.id,
        oldest.state,
        oldest.steps,
        oldest.loss,
        oldest.cost,
        oldest.verdict,
    )
    assert ("train.py", "--lr", "0.1") == oldest.command
    assert [("a", "ended", 3), ("b", "crashed", 2)] == in_index(base)


def test_a_run_is_seen_while_it_runs(base: Path) -> None:
    """Steps and loss are those of its files, not of the last sign of life."""
    _, sinks = opened(base, start())
    for sink in sinks:
        sink.steps(((41, {"loss": 0.5}),))
        sink.alert(41, finding(Severity.WARNING, "TL212", "exploding-gradient"))
        sink.alert(41, finding(Severity.NOTE, "TL999", "remark"))

    (seen,) = runs_in(base)
    assert ("running", 42, 0.5, "TL212 exploding-gradient", None) == (
        seen.state,
        seen.steps,
        seen.loss,
        seen.verdict,
        seen.ended,
    )


def test_a_late_loss_is_the_loss_of_its_step(base: Path) -> None:
    """Losses read later than the steps that follow them do not turn the order round."""
    folder, sinks = opened(base, start())
    sinks[0].steps(((0, {"lr": 0.1}), (1, {"lr": 0.1}), (0, {"loss": 3.0}), (1, {"loss": 2.0})))

    (seen,) = runs_in(base)
    assert (2, 2.0) == (seen.steps, seen.loss)
    assert folder.name == seen.id


def test_a_lost_index_is_made_anew(base: Path) -> None:
    """The folders are enough, also for runs before the new index."""
    write_run(base, start("a"), finish=end())
    index_of(base).unlink()
    write_run(base, start("b"), finish=end())

    assert {"a", "b"} == {s.id for s in runs_in(base)}
    assert [("a", "ended", 3), ("b", "ended", 3)] == in_index(base)


@pytest.mark.parametrize("damage", ["no database", "other schema", "torn page"])
def test_a_damaged_index_is_made_anew(base: Path, damage: str) -> None:
    """By whoever comes first, reader or writer."""
    for name in "abc":
        write_run(base, start(name), finish=end())
    file = index_of(base)
    if damage == "no database":
        file.write_bytes(b"not an index at all" * 1000)
    elif damage == "other schema":
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.executescript("DROP TABLE runs; CREATE TABLE runs (x); PRAGMA user_version = 1")
    else:
        whole = bytearray(file.read_bytes())
        whole[4096:] = b"\xa5" * (len(whole) - 4096)
        file.write_bytes(whole)

    assert {"a", "b", "c"} == {s.id for s in runs_in(base)}
    assert ["a", "b", "c"] == [row[0] for row in in_index(base)]


def test_a_writer_replaces_an_index_that_is_none(base: Path) -> None:
    """A run is not stopped by what is left of an old index."""
    base.mkdir(parents=True)
    index_of(base).write_bytes(b"\0" * 5000)
    write_run(base, finish=end())

    assert [("20261122-073002-1", "ended", 3)] == in_index(base)


def test_a_run_whose_folder_is_gone_is_forgotten(base: Path) -> None:
    """What the user deleted stays deleted."""
    for name in "ab":
        write_run(base, start(name), finish=end())
    shutil.rmtree(base / "b")

    assert ["a"] == [s.id for s in runs_in(base)]
    assert [("a", "ended", 3)] == in_index(base)


def test_without_runs_nothing_is_made(base: Path) -> None:
    """Looking leaves no trace."""
    assert [] == runs_in(base)
    assert not base.parent.exists()


def test_a_folder_that_cannot_be_written_is_read(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list does without an index."""
    write_run(base, finish=end())
    for file in (index_of(base), index_of(base).with_name("runs.sqlite-wal")):
        file.unlink(missing_ok=True)
    index_of(base).mkdir()

    assert ["ended"] == [s.state for s in runs_in(base)]


def test_a_sign_of_life_waits_for_nobody(base: Path) -> None:
    """While another process writes, the training goes on at once and the row is written later."""
    _, sinks = opened(base, start())
    index = sinks[1]
    assert isinstance(index, RunIndex)
    with contextlib.closing(writable(base)) as other:
        other.execute("BEGIN IMMEDIATE")
        index._next = 0.0
        began = time.perf_counter()
        index.steps(((5, {"loss": 1.0}),))
        assert time.perf_counter() - began < 0.5
        other.execute("COMMIT")
    index._next = 0.0
    index.steps(((6, {"loss": 1.0}),))

    assert [("20261122-073002-1", "running", 7)] == in_index(base)


def test_signs_of_life_are_at_most_one_a_second(base: Path) -> None:
    """A fast loop writes the index no more often than a slow one."""
    _, sinks = opened(base, start())
    for step in range(1000):
        sinks[1].steps(((step, {"loss": 1.0}),))

    assert [("20261122-073002-1", "running", 0)] == in_index(base)


MANY = """
import sys
from pathlib import Path
from tests.unit.runs.writing import end, opened, start
base, name = Path(sys.argv[1]), sys.argv[2]
_, sinks = opened(base, start(name))
for step in range(200):
    sinks[1]._next = 0.0
    for sink in sinks:
        sink.steps(((step, {"loss": 1.0}),))
for sink in sinks:
    sink.ended(end(steps=200))
"""


def test_processes_write_one_index_together(base: Path, root: Path) -> None:
    """No row is lost, also when all of them make the index."""
    names = [f"run-{i}" for i in range(6)]
    children = [subprocess.Popen([sys.executable, "-c", MANY, base, name], cwd=root) for name in names]

    assert [0] * 6 == [child.wait() for child in children]
    assert [(name, "ended", 200) for name in names] == in_index(base)


FORKED = """
import os, sys
from pathlib import Path
from tests.unit.runs.writing import end, opened, start
base = Path(sys.argv[1])
_, sinks = opened(base, start())
for step in range(20):
    child = os.fork()
    if child == 0:
        sinks[1].steps(((999, {"loss": 1.0}),))
        sys.exit(0)
    os.waitpid(child, 0)
    sinks[1]._next = 0.0
    for sink in sinks:
        sink.steps(((step, {"loss": 1.0}),))
for sink in sinks:
    sink.ended(end(steps=20))
"""


def test_forked_workers_leave_the_index_whole(base: Path, root: Path) -> None:
    """A child that ends in the middle of the run neither writes nor takes the log with it."""
    subprocess.run([sys.executable, "-c", FORKED, base], cwd=root, check=True)

    assert [("20261122-073002-1", "ended", 20)] == in_index(base)


def test_a_process_that_is_gone_was_killed() -> None:
    """On this machine the process is asked."""
    here, now = socket.gethostname(), time.time()

    assert "running" == alive.state_of(os.getpid(), here, now, now)
    assert "running" == alive.state_of(os.getpid(), here, now, now - 1e5), "an evaluation may take hours"
    assert "killed" == alive.state_of(dead_pid(), here, now, now)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_number_that_was_given_out_again_is_no_sign_of_life() -> None:
    """The process of that number began after the run."""
    assert "killed" == alive.state_of(os.getpid(), socket.gethostname(), time.time() - 1e6, time.time())


def test_a_dead_child_that_nobody_waited_for_is_gone() -> None:
    """Its number is still taken, but nothing runs."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert child.stdin is None
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert "killed" == alive.state_of(child.pid, socket.gethostname(), time.time(), time.time())
    child.wait()


def test_what_became_of_a_killed_run_is_kept(base: Path) -> None:
    """Its files are read once; the index then has its last step."""
    folder, sinks = opened(base, start())
    for sink in sinks:
        sink.steps(((6, {"loss": 0.5}),))
    record = folder / "run.json"
    record.write_text(record.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {dead_pid()}'))

    assert ["killed"] == [s.state for s in runs_in(base)]
    assert [("20261122-073002-1", "killed", 7)] == in_index(base)
    assert [("killed", 7, 0.5)] == [(s.state, s.steps, s.loss) for s in runs_in(base)]


def test_another_machine_cannot_be_asked() -> None:
    """There, only a long silence says something, and not that the run was killed."""
    now = time.time()

    assert "running" == alive.state_of(1, "elsewhere", now, now - 60)
    assert "silent" == alive.state_of(1, "elsewhere", now, now - 3600)
