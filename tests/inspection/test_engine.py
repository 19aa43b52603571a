"""The engine: however the shards are dealt out, stopped and taken up again, the same findings."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torchladder.core.jsonable import to_json
from torchladder.core.report import State
from torchladder.inspection import engine
from torchladder.inspection.checks import all_folds
from torchladder.inspection.counts import Counts
from torchladder.inspection.duplicates import Duplicates
from torchladder.inspection.engine import Part, Task, fold_all, here
from torchladder.inspection.faults import Faults
from torchladder.inspection.run import Options, inspect
from torchladder.inspection.states import States
from torchladder.inspection.workers import mapper_of, over_ray
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns

ROWS = 6000


@pytest.fixture
def sides(tmp_path: Path, monkeypatch):
    """Two tables with a few copies, a bad row and several shards."""
    monkeypatch.setattr(engine, "SHARD", dict.fromkeys(engine.SHARD, 2000))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 12))
    lines = [",".join([*(f"{v:.12f}" for v in row), str(int(row[0] > 0))]) for row in x]
    lines[4000] = lines[10]
    lines[5000] = "1,2"
    head = ",".join([*(f"f{i}" for i in range(12)), "label"])
    (tmp_path / "train.csv").write_text("\n".join([head, *lines[:5500]]) + "\n")
    (tmp_path / "val.csv").write_text("\n".join([head, *lines[5500:], *lines[:40]]) + "\n")
    return open_sides([str(tmp_path / "train.csv"), str(tmp_path / "val.csv")], Columns())


def judged(sides, **options: Any) -> dict[str, Any]:
    report = inspect(sides, [Faults(), Counts(), Duplicates()], name="data", **options)
    figures: dict[str, Any] = to_json(report)
    for timed in ("seconds", "environment"):
        figures.pop(timed)
    figures["rungs"][0].pop("seconds")
    return figures


def test_several_processes_find_the_same(sides) -> None:
    """Everything in the report is equal but the seconds."""
    alone = judged(sides)

    assert any(f["code"] == "TL125" for f in alone["findings"])
    assert judged(sides, mapper=mapper_of("local", 2)) == alone


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_finds_the_same(sides) -> None:
    """A real one, started on this machine."""
    pytest.importorskip("ray")

    assert judged(sides, mapper=over_ray) == judged(sides)


def test_shards_that_come_in_any_order_are_joined_in_that_of_the_data(sides) -> None:
    """A cluster gives them as they are done."""

    def backwards(sources: Any, folds: Any, tasks: Sequence[Task]) -> Any:
        yield from reversed([*here(sources, folds, tasks)])

    assert judged(sides, mapper=backwards) == judged(sides)


def stopping(after: int, read: list[Task]):
    """Return a mapper that is interrupted after some shards."""

    def mapper(sources: Any, folds: Any, tasks: Sequence[Task]) -> Any:
        for n, (task, part) in enumerate(here(sources, folds, tasks)):
            if n == after:
                raise KeyboardInterrupt
            read.append(task)
            yield task, part

    return mapper


def test_a_check_that_was_stopped_goes_on(sides, tmp_path: Path) -> None:
    """Finished shards are not read again, and the states are gone at the end."""
    keep = Options(keep=tmp_path / "states" / "data")
    first: list[Task] = []
    with pytest.raises(KeyboardInterrupt):
        judged(sides, options=keep, mapper=stopping(2, first))
    second: list[Task] = []
    report = judged(sides, options=keep, mapper=stopping(99, second))

    assert len(first) == 2
    assert not set(first) & set(second)
    assert report == judged(sides, options=keep)
    assert not [*keep.keep.glob("*/*")]


@pytest.mark.parametrize("spoil", ["cut", "other", "foreign", "empty"])
def test_a_state_that_is_not_sound_is_ignored(sides, tmp_path: Path, spoil: str) -> None:
    """Cut off, of another check, or written to run code: the shard is read again."""
    keep = Options(keep=tmp_path / "states" / "data")
    with pytest.raises(KeyboardInterrupt):
        judged(sides, options=keep, mapper=stopping(2, []))
    for file in keep.keep.glob("*/*.state"):
        data = file.read_bytes()
        whole = {"cut": data[:-10], "other": data[:30] + b"x" + data[31:], "empty": b""}
        file.write_bytes(whole.get(spoil) if spoil != "foreign" else foreign(tmp_path))
    read: list[Task] = []
    report = judged(sides, options=keep, mapper=stopping(99, read))

    assert len([t for t in read if t.shard == 0]) == 2
    assert report == judged(sides)
    assert not (tmp_path / "ran").exists()


class Evil:
    """What an attacker would leave in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path(self.path),))


def foreign(folder: Path) -> bytes:
    import hashlib

    from torchladder.inspection.states import MAGIC

    body = pickle.dumps(Evil(folder / "ran"))
    return MAGIC + hashlib.sha256(body).digest() + body


def test_states_of_every_check_survive_the_disk(sides, tmp_path: Path) -> None:
    """What a fold keeps is plain data; else nothing could be taken up again."""
    folds = all_folds()
    states = States(tmp_path / "a" / "b" / "c")
    part = engine.work(sides[0][1], folds, 0, 2000)
    states.keep(0, 0, part)
    again = states.load(0, 0)

    assert isinstance(again, Part)
    assert len(again.states) == len(folds)


class Failing:
    """A check with a defect."""

    name = "failing"
    version = 1

    def begin(self) -> int:
        """Start at nothing."""
        return 0

    def add(self, state: int, block: Any) -> int:
        """Fail."""
        raise ZeroDivisionError("oops")

    def join(self, first: int, second: int) -> int:
        """Add."""
        return first + second

    def facts(self, sides: Any, states: Any) -> dict[str, Any]:
        """Say nothing."""
        return {}


def test_a_check_that_fails_takes_no_other_with_it(sides) -> None:
    """It is named; the verdict is undecided if nothing else was found."""
    report = inspect(sides[1:], [Faults(), Failing()], name="data")
    checks = {c["check"]: c for c in report.rungs[0].facts["checks"]}

    assert checks["failing"]["state"] == "unknown"
    assert "oops" in checks["failing"]["unknown"]
    assert checks["unreadable samples"]["state"] == "passed"
    assert report.verdict == "undecided"
    assert report.rungs[0].state is State.UNKNOWN


class Torn:
    """A source that fails in the middle of a range."""

    name, kind, rows, columns, told = "torn", next(iter(engine.SHARD)), 100, Columns(), ()

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def fingerprint(self) -> str:
        """Never change."""
        return "torn"

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Cut in two."""
        return [(0, 50), (50, 100)]

    def blocks(self, start: int, stop: int) -> Any:
        """Give a little, then fail."""
        yield next(iter(self.whole.blocks(start, start + 10)))
        raise OSError("the disk is gone")


def test_a_source_that_fails_loses_the_rest_of_its_shard_only(sides) -> None:
    """And that is counted."""
    (total,) = fold_all([Torn(sides[0][1])], [Faults()], mapper=here, states=States(None))

    assert total.read == 20
    assert total.states[0].counts == {"unreadable": 80}
    assert "the disk is gone" in total.states[0].examples["unreadable"][0]


def test_a_sample_says_that_it_is_one(sides) -> None:
    """In the sides, in the sentence, and by fewer samples."""
    report = inspect(sides[1:], [Faults(), Counts()], Options(sample=100), name="data")
    side = report.rungs[0].facts["sides"][0]

    assert (side["samples"], side["read"], side["complete"]) == (540, 100, False)
    assert "100 of 540 samples" in report.sentence
    assert any("evenly spread" in words for words in side["told"])
