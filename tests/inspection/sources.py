"""Sources made of what is in memory, for folds: any kind of block, cut anywhere."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from torchladder.inspection.fold import Fold, Side
from torchladder.sets.block import Block, Kind
from torchladder.sets.source import Columns


class Memory:
    """Samples of one side, a block of ``size`` at a time."""

    told = ()

    def __init__(
        self, kind: Kind, n: int, part: Callable[[slice], dict[str, Any]], labels: Any = None, name: str = "a"
    ) -> None:
        self.kind, self.rows, self.part, self.labels, self.name = kind, n, part, labels, name
        self.columns = Columns()
        self.size = 100

    def fingerprint(self) -> str:
        """Return the name."""
        return self.name

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges of ``size``."""
        return [(i, min(i + size, self.rows)) for i in range(0, self.rows, size)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield blocks of ``self.size``."""
        for i in range(start, stop, self.size):
            at = slice(i, min(i + self.size, stop))
            labels = None if self.labels is None else self.labels[at]
            places = np.arange(at.start, at.stop)
            names = tuple(f"{self.name}{k}" for k in places)
            yield Block(at.start, at.stop, self.kind, places, names, labels=labels, **self.part(at))


def pictures(x: Sequence[Any], labels: Any = None, name: str = "a") -> Memory:
    return Memory(Kind.IMAGES, len(x), lambda at: {"images": tuple(x[at])}, labels, name)


def texts(x: Sequence[str], labels: Any = None, name: str = "a") -> Memory:
    return Memory(Kind.TEXT, len(x), lambda at: {"texts": tuple(x[at])}, labels, name)


def arrays(x: Any, labels: Any = None, name: str = "a") -> Memory:
    return Memory(Kind.ARRAYS, len(x), lambda at: {"arrays": x[at]}, labels, name)


def table(columns: dict[str, Any], labels: Any = None, name: str = "a") -> Memory:
    n = len(next(iter(columns.values())))
    return Memory(Kind.TABLE, n, lambda at: {"columns": {k: v[at] for k, v in columns.items()}}, labels, name)


def folded(fold: Fold[Any], *sources: Memory, size: int = 100) -> dict[str, Any]:
    """Return the facts of one fold over these sides, read in shards of a block that are joined."""
    states = []
    for source in sources:
        source.size = size
        whole = fold.begin()
        for start, stop in source.shards(size):
            state = fold.begin()
            for block in source.blocks(start, stop):
                state = fold.add(state, block)
            whole = fold.join(whole, state)
        states.append(whole)
    sides = [Side("held-out" if i else "train", s, s.rows, complete=True) for i, s in enumerate(sources)]
    return fold.facts(sides, states)
