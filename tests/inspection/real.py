"""Sources of samples that lie in memory, and what the folds make of them."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.inspection.fold import Side
from torchladder.rules.registry import find_rule
from torchladder.sets.block import Block, Kind
from torchladder.sets.source import Columns


@dataclass(frozen=True)
class Memory:
    """A table, an array or texts, with labels, groups, times and predictions."""

    x: Any
    labels: Any = None
    groups: Any = None
    times: Any = None
    predictions: Any = None
    step: int = 100
    name: str = "memory"
    told: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the samples are."""
        if isinstance(self.x, dict):
            return Kind.TABLE
        return Kind.TEXT if isinstance(self.x, list) else Kind.ARRAYS

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.x.values()))) if isinstance(self.x, dict) else len(self.x)

    @property
    def columns(self) -> Columns:
        """The roles that are given."""
        named = {
            r: r for r, v in (("label", self.labels), ("group", self.groups), ("time", self.times)) if v is not None
        }
        return Columns(**named, chosen=dict.fromkeys(named, "user"))

    def fingerprint(self) -> str:
        """Name it."""
        return self.name

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Cut it."""
        return [(a, min(a + size, self.rows)) for a in range(0, self.rows, size)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Read a shard."""
        for a in range(start, stop, self.step):
            yield self.block(a, min(a + self.step, stop))

    def block(self, a: int, b: int) -> Block:
        """Read one block."""
        return Block(
            a,
            b,
            self.kind,
            np.arange(a, b),
            tuple(f"row {i}" for i in range(a, b)),
            columns={k: v[a:b] for k, v in self.x.items()} if isinstance(self.x, dict) else {},
            texts=tuple(self.x[a:b]) if isinstance(self.x, list) else (),
            arrays=self.x[a:b] if isinstance(self.x, np.ndarray) else None,
            labels=None if self.labels is None else self.labels[a:b],
            groups=None if self.groups is None else self.groups[a:b],
            times=None if self.times is None else self.times[a:b],
            predictions=None if self.predictions is None else self.predictions[a:b],
        )


def folded(fold: Any, sources: Sequence[Memory], shard: int = 10_000, planned: str | None = None) -> dict[str, Any]:
    """Return the facts that a fold makes of sources, read in shards of a size."""
    states = []
    for source in sources:
        total = fold.begin()
        for start, stop in source.shards(shard):
            part = fold.begin()
            for block in source.blocks(start, stop):
                part = fold.add(part, block)
            total = fold.join(total, part)
        states.append(total)
    sides = [Side("held-out" if i else "train", s, s.rows, True, planned) for i, s in enumerate(sources)]
    return dict(fold.facts(sides, states))


def said(code: str, *parts: dict[str, Any]) -> list[Finding]:
    """Return what one rule says of facts."""
    rule = find_rule(code)
    assert rule is not None
    facts = Facts()
    for fields in parts:
        facts = dataclasses.replace(facts, **fields)
    return rule.judge(facts) or []


def loud(findings: Sequence[Finding]) -> list[Finding]:
    """Return errors and warnings."""
    return [f for f in findings if f.severity is not Severity.NOTE]


def digits(seed: int = 0) -> tuple[Memory, Memory]:
    """Return handwritten digits, cut at random."""
    data = load_digits()
    x = data.images.astype(np.float32) / 16
    a, b = train_test_split(np.arange(len(x)), test_size=0.25, random_state=seed)
    return Memory(x[a], data.target[a]), Memory(x[b], data.target[b])


def cells(seed: int = 0) -> tuple[Memory, Memory]:
    """Return the table of breast cancer cells, cut at random."""
    data = load_breast_cancer()
    a, b = train_test_split(np.arange(len(data.target)), test_size=0.25, random_state=seed)
    tables = ({str(k): data.data[rows, j] for j, k in enumerate(data.feature_names)} for rows in (a, b))
    return tuple(Memory(t, data.target[r]) for t, r in zip(tables, (a, b), strict=True))  # type: ignore[return-value]
