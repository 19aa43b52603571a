"""Everything that is counted over all samples: shapes, ranges, missing values, equal columns, classes, preparation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.facts import Facts
from torchladder.core.set_facts import ColumnFact, LabelsFact, SetFact
from torchladder.data.preparation import prepared
from torchladder.inspection.columns import SHOWN, Column, Numbers
from torchladder.inspection.counts_lines import lines
from torchladder.inspection.fold import Side
from torchladder.inspection.labels import Series, are_classes, counted, most_frequent
from torchladder.inspection.line import Line
from torchladder.sets.block import Block, Kind

Array = NDArray[Any]

WIDE = 1000  # features of an array that are looked at one by one
CHANNELS = 4
SHAPES = 200  # shapes told apart
STRIP = 2_000_000  # values of a picture that are counted at a time
RARE = 5
TABLE = 2
NUMBERS = "biuf"


@dataclass
class State:
    """Sums over the samples of one side. ``rows`` are features of arrays, ``total`` all their values as one."""

    read: int = 0
    kind: str = ""
    shapes: Counter[str] = field(default_factory=Counter)
    dtypes: Counter[str] = field(default_factory=Counter)
    columns: dict[str, Column] = field(default_factory=dict)
    rows: Numbers | None = None
    total: Numbers | None = None
    spoiled: int = 0
    examples: list[str] = field(default_factory=list)
    labels: Series = field(default_factory=Series)
    rare: dict[str, str] = field(default_factory=dict)


class Counts:
    """The fold."""

    name = "counts"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        part = State(len(block), str(block.kind))
        if len(block):
            _count_columns(part, block)
            _count_arrays(part, block)
            _count_images(part, block)
            _count_labels(part, block)
        return self.join(state, part)

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts."""
        first.read += second.read
        first.kind = first.kind or second.kind
        first.shapes = _capped(first.shapes + second.shapes)
        first.dtypes += second.dtypes
        for name, column in second.columns.items():
            first.columns[name] = first.columns[name].joined(column) if name in first.columns else column
        first.rows = _both(first.rows, second.rows)
        first.total = _both(first.total, second.total)
        first.spoiled += second.spoiled
        first.examples = [*first.examples, *second.examples][:SHOWN]
        first.labels = first.labels.joined(second.labels)
        for name, example in second.rare.items():
            if len(first.rare) < SHAPES:
                first.rare.setdefault(name, example)
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return a row for each side, and what was prepared with the statistics of several."""
        rows = tuple(_set_fact(side, state) for side, state in zip(sides, states, strict=True))
        found = []
        for number, state in enumerate(states[1:]):
            ours, theirs, names = _comparable(states[0], state)
            for a, b in zip(ours, theirs, strict=True):
                found.append(prepared(_moments(a), _moments(b), names if len(a.n) == len(names) else (), number))
        return {"sets": rows, "preparations": tuple(f for f in found if f is not None)}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the lines of the rules that judge these facts."""
        return tuple(lines(facts))


def _capped(shapes: Counter[str]) -> Counter[str]:
    return shapes if len(shapes) <= SHAPES else Counter(most_frequent(shapes, SHAPES - 1))


def _both(first: Numbers | None, second: Numbers | None) -> Numbers | None:
    if first is None or second is None:
        return first or second
    return first.joined(second) if len(first.n) == len(second.n) else first


def _count_columns(part: State, block: Block) -> None:
    for name, values in block.columns.items():
        part.columns[name] = Column.of(values, block.places, block.names)
        part.dtypes[str(values.dtype) if values.dtype.kind in NUMBERS else "words"] += 1


def _count_arrays(part: State, block: Block) -> None:
    x = block.arrays
    if x is None:
        return
    part.shapes[str(tuple(x.shape[1:]))] += len(x)
    part.dtypes[str(x.dtype)] += len(x)
    if x.dtype.kind not in NUMBERS:
        return
    flat = x.reshape(len(x), -1)
    if x.ndim == TABLE and flat.shape[1] <= WIDE:
        part.rows = Numbers.of(flat, block.places, block.names)
    part.total = Numbers.of_all(flat)
    if x.dtype.kind == "f":
        odd = ~np.isfinite(flat).all(axis=1)
        part.spoiled = int(odd.sum())
        part.examples = [block.names[i] for i in np.flatnonzero(odd)[:SHOWN]]


def _count_images(part: State, block: Block) -> None:
    for image in block.images:
        part.shapes[str(tuple(image.shape))] += 1
        part.dtypes[str(image.dtype)] += 1
    for image in block.images:
        if image.size and image.dtype.kind in NUMBERS:
            rows = max(STRIP * len(image) // image.size, 1)
            for top in range(0, len(image), rows):  # a large picture is eight times as large as doubles
                part.total = _both(part.total, Numbers.of_all(image[top : top + rows]))


def _count_labels(part: State, block: Block) -> None:
    if block.labels is None or block.labels.ndim != 1:
        return
    part.labels.add(block.places, block.labels, block.names)
    names, first = np.unique(np.array([str(v) for v in block.labels], dtype=object), return_index=True)
    if len(names) <= SHAPES:
        part.rare = {n: block.names[i] for n, i in zip(names.tolist(), first.tolist(), strict=True)}


def _set_fact(side: Side, state: State) -> SetFact:
    total = state.total
    figures: dict[str, Any] = {}
    if total is not None and total.n[0]:
        figures = {
            "low": float(total.low[0]),
            "high": float(total.high[0]),
            "mean": float(total.mean[0]),
            "std": float(total.deviation[0]),
            "nonfinite": int(total.missing[0] + total.infinite[0]),
        }
    return SetFact(
        role=side.role,
        name=side.source.name,
        kind=state.kind or str(side.source.kind),
        rows=side.source.rows,
        read=state.read,
        complete=side.complete,
        shapes=most_frequent(state.shapes),
        dtypes=most_frequent(state.dtypes),
        columns=tuple(_column_facts(state)),
        labels=_labels_fact(state),
        spoiled=state.spoiled,
        examples=tuple(state.examples),
        same=tuple(_same(state)),
        **figures,
    )


def _column_facts(state: State) -> list[ColumnFact]:
    found = [_column_fact(name, column) for name, column in state.columns.items()]
    rows = state.rows
    if rows is None:
        return found
    return [*found, *(_number_fact(str(j), rows, j) for j in range(len(rows.n)))]


def _number_fact(name: str, numbers: Numbers, j: int) -> ColumnFact:
    n = int(numbers.n[j])
    known = n > 0
    missing, infinite = int(numbers.missing[j]), int(numbers.infinite[j])
    return ColumnFact(
        name=name,
        values=n,
        missing=missing,
        infinite=infinite,
        low=float(numbers.low[j]) if known else None,
        high=float(numbers.high[j]) if known else None,
        mean=float(numbers.mean[j]) if known else None,
        std=float(numbers.deviation[j]) if known else None,
        constant=infinite == 0 and (n == 0 or (missing == 0 and bool(numbers.low[j] == numbers.high[j]))),
        examples=tuple(numbers.examples.get(j, ())),
    )


def _column_fact(name: str, column: Column) -> ColumnFact:
    words = column.words
    if words is None or (words.n == 0 and column.numbers is not None):
        return _number_fact(name, column.numbers, 0) if column.numbers is not None else ColumnFact(name, 0)
    distinct = None if words.counts is None else len(words.counts)
    constant = distinct is not None and (distinct == 0 or (distinct == 1 and words.missing == 0))
    return ColumnFact(
        name, words.n, words.missing, distinct=distinct, constant=constant and column.numbers is None,
        examples=tuple(words.examples),
    )  # fmt: skip


def _same(state: State) -> list[tuple[str, str]]:
    """Return pairs (first, later) of columns that agree in every sample."""
    prints: dict[tuple[str, int], str] = {}
    pairs = []
    facts = {f.name: f for f in _column_facts(state)}
    keyed = [(n, ("numbers", int(c.numbers.prints[0]))) for n, c in state.columns.items() if c.numbers and not c.words]
    keyed += [(n, ("words", c.words.prints)) for n, c in state.columns.items() if c.words and not c.numbers]
    if state.rows is not None:
        keyed += [(str(j), ("numbers", int(p))) for j, p in enumerate(state.rows.prints)]
    for name, key in keyed:
        if facts[name].constant:
            continue
        if key in prints:
            pairs.append((prints[key], name))
        prints.setdefault(key, name)
    return pairs


def _labels_fact(state: State) -> LabelsFact | None:
    _, values = state.labels.whole()
    if not len(values) and not state.labels.missing:
        return None
    classes = are_classes(values)
    numbers = values.dtype.kind in NUMBERS
    counts = counted(values) if classes else {}
    rarest = sorted(counts, key=lambda k: counts[k])[:RARE]
    fine = values[np.isfinite(values)] if numbers else values[:0]
    return LabelsFact(
        classes,
        len(values),
        counts,
        state.labels.missing,
        numbers=numbers and values.dtype.kind != "b",
        low=float(fine.min()) if len(fine) else None,
        high=float(fine.max()) if len(fine) else None,
        examples=tuple(state.labels.examples),
        rare={k: state.rare[k] for k in rarest if k in state.rare},
    )


def _moments(numbers: Numbers) -> dict[str, Array]:
    return {
        "n": numbers.n, "mean": numbers.mean, "squares": numbers.squares, "low": numbers.low, "high": numbers.high,
        "odd": numbers.missing + numbers.infinite,
    }  # fmt: skip


def _comparable(a: State, b: State) -> tuple[list[Numbers], list[Numbers], tuple[str, ...]]:
    """Return columns of numbers that both sides have, and their names; of other arrays all values as one column."""
    if a.rows is not None and b.rows is not None and len(a.rows.n) == len(b.rows.n):
        return [a.rows], [b.rows], tuple(map(str, range(len(a.rows.n))))
    names = [n for n, c in a.columns.items() if c.numbers and not c.words and n in b.columns and b.columns[n].numbers]
    if names:
        ours = _stacked([a.columns[n].numbers for n in names])
        return [ours], [_stacked([b.columns[n].numbers for n in names])], tuple(names)
    if a.kind == Kind.ARRAYS and b.kind == Kind.ARRAYS and a.total is not None and b.total is not None:
        return [a.total], [b.total], ()
    return [], [], ()


def _stacked(columns: Sequence[Numbers | None]) -> Numbers:
    return Numbers.beside([c for c in columns if c is not None])
