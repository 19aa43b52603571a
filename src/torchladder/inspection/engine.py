"""The engine: every shard of every side is folded once, here, in other processes or on other machines.

Which machine reads a shard changes nothing: shards are cut the same way, and joined in the order of the data.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.errors import InternalError
from torchladder.inspection.fold import Fold
from torchladder.inspection.states import States
from torchladder.sets.block import Block, Fault, Kind
from torchladder.sets.source import Source

SHARD = {Kind.IMAGES: 2048, Kind.TEXT: 16_384, Kind.TABLE: 65_536, Kind.ARRAYS: 16_384}  # samples


@dataclass(frozen=True, slots=True)
class Broken:
    """Instead of a state: a check that failed, and how; the other checks go on."""

    why: str


@dataclass(slots=True)
class Part:
    """What is kept of a shard: a state for each fold, and how many samples were read."""

    states: list[Any]
    read: int = 0
    last: int = 0  # one past the last sample, where only reading tells how many there are


@dataclass(frozen=True, slots=True)
class Task:
    """One shard of one side."""

    side: int
    shard: int
    start: int
    stop: int


@dataclass
class Tally:
    """All that was read of one side."""

    parts: dict[int, Part] = field(default_factory=dict)
    total: Part | None = None
    joined: int = 0


Progress = Callable[[int, int], None]
Mapper = Callable[[Sequence[Source], Sequence["Fold[Any]"], Sequence[Task]], Iterator[tuple[Task, Part]]]


def work(source: Source, folds: Sequence[Fold[Any]], start: int, stop: int) -> Part:
    """Return the states of one shard."""
    part = Part([_guarded(f.begin) for f in folds], last=start)
    for block in _blocks(source, start, stop):
        for i, fold in enumerate(folds):
            part.states[i] = _added(fold, part.states[i], block)
        part.read += len(block)
        part.last = max(part.last, block.stop)
    return part


def _blocks(source: Source, start: int, stop: int) -> Iterator[Block]:
    """Yield the blocks of a range; where reading fails, what is left of it is one fault."""
    at = start
    try:
        for block in source.blocks(start, stop):
            yield block
            at = max(at, block.stop)
    except Exception as error:
        end = stop if source.rows is not None else at + 1
        where = f"{source.name}, from sample {at} on" if end - at > 1 else f"{source.name}, sample {at}"
        fault = Fault(where, "unreadable", f"{type(error).__name__}: {error}"[:200], end - at)
        yield Block(at, end, source.kind, _no_places(), (), faults=(fault,))


def _no_places() -> Any:
    import numpy as np

    return np.zeros(0, dtype=np.int64)


def _guarded(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except Exception as error:
        return Broken(f"{type(error).__name__}: {error}"[:300])


def _added(fold: Fold[Any], state: Any, block: Block) -> Any:
    return state if isinstance(state, Broken) else _guarded(lambda: fold.add(state, block))


def joined(folds: Sequence[Fold[Any]], first: Part, second: Part) -> Part:
    """Return the part that two parts make up, the second following the first."""
    states = []
    for fold, a, b in zip(folds, first.states, second.states, strict=True):
        broken = a if isinstance(a, Broken) else b if isinstance(b, Broken) else None
        states.append(broken if broken is not None else _guarded(lambda f=fold, x=a, y=b: f.join(x, y)))  # type: ignore[misc]
    return Part(states, first.read + second.read, max(first.last, second.last))


def fold_all(
    sources: Sequence[Source],
    folds: Sequence[Fold[Any]],
    *,
    mapper: Mapper,
    states: States,
    progress: Progress = lambda _done, _of: None,
) -> list[Part]:
    """Return what each side comes to.

    Args:
        sources: The sides.
        folds: The checks.
        mapper: Who does the shards: this process, several, or a cluster.
        states: Where finished shards are kept.
        progress: Called with how many shards are done, and of how many.
    """
    tasks = tasks_of(sources)
    tallies = [Tally() for _ in sources]
    todo: list[Task] = []
    done = 0
    for task in tasks:
        part = states.load(task.side, task.shard)
        if isinstance(part, Part) and len(part.states) == len(folds):
            _take(tallies[task.side], task, part, folds)
            done += 1
        else:
            todo.append(task)
    progress(done, len(tasks))
    for task, part in mapper(sources, folds, todo):
        states.keep(task.side, task.shard, part)
        _take(tallies[task.side], task, part, folds)
        done += 1
        progress(done, len(tasks))
    if any(t.total is None for t in tallies):
        msg = "a data set was not read to its end"
        raise InternalError(msg)
    return [t.total for t in tallies if t.total is not None]


def tasks_of(sources: Sequence[Source]) -> list[Task]:
    """Return the shards of all sides; a side without samples has one that is empty."""
    return [
        Task(side, number, start, stop)
        for side, source in enumerate(sources)
        for number, (start, stop) in enumerate(source.shards(SHARD[source.kind]) or [(0, 0)])
    ]


def _take(tally: Tally, task: Task, part: Part, folds: Sequence[Fold[Any]]) -> None:
    """Join a part as soon as all before it are there, so that no more of them lie about than must."""
    tally.parts[task.shard] = part
    while tally.joined in tally.parts:
        one = tally.parts.pop(tally.joined)
        tally.total = one if tally.total is None else joined(folds, tally.total, one)
        tally.joined += 1


def here(sources: Sequence[Source], folds: Sequence[Fold[Any]], tasks: Sequence[Task]) -> Iterator[tuple[Task, Part]]:
    """Do the shards in this process, one after the other."""
    for task in tasks:
        yield task, work(sources[task.side], folds, task.start, task.stop)
