"""Samples that occur more than once, exactly or nearly, within a side and across sides.

Of each sample a hash, its label's hash and a sketch are kept: 24 bytes and at most 608. Copies are looked for once,
among all sides together, when everything has been read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.facts import Facts
from torchladder.inspection.copies import Kept, duplicate_facts
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.inspection.sketches import label_hashes, sketch
from torchladder.sets.block import Block


@dataclass
class State:
    """Arrays of the blocks so far, in the order of the data."""

    kind: str | None = None
    places: list[NDArray[np.int64]] = field(default_factory=list)
    digests: list[NDArray[np.uint64]] = field(default_factory=list)
    labels: list[NDArray[np.uint64]] = field(default_factory=list)
    judged: list[NDArray[np.bool_]] = field(default_factory=list)
    rows: list[NDArray[Any]] = field(default_factory=list)
    usable: list[NDArray[np.bool_]] = field(default_factory=list)
    numeric: tuple[bool, ...] = ()
    columns: tuple[str, ...] = ()
    classes: bool = True
    mixed: bool = False  # blocks that differ in kind or width: no near copies are looked for


class Duplicates:
    """The fold."""

    name = "duplicates"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Keep hashes and sketches of a block."""
        if not len(block):
            return state
        s = sketch(block)
        labels, classes = label_hashes(block.labels, len(block))
        part = State(
            s.kind,
            [block.places],
            [s.digests],
            [labels],
            [s.judged],
            [s.rows],
            [s.usable],
            s.numeric,
            s.columns,
            classes,
        )
        return self.join(state, part)

    def join(self, first: State, second: State) -> State:
        """Return both, one after the other."""
        if second.kind is None:
            return first
        if first.kind is None:
            return second
        same = first.kind == second.kind and first.rows[0].shape[1] == second.rows[0].shape[1]
        first.mixed |= second.mixed or not same
        for name in ("places", "digests", "labels", "judged", "rows", "usable"):
            getattr(first, name).extend(getattr(second, name))
        first.numeric = tuple(a and b for a, b in zip(first.numeric, second.numeric, strict=False))
        first.classes &= second.classes
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return a row for each side and each pair of sides, for equal and for near copies."""
        return {"duplicates": duplicate_facts(sides, [_kept(s) for s in states])}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the lines of copies across sides and within them."""
        return _lines(facts)


def _kept(s: State) -> Kept:
    def whole(parts: list[Any], dtype: Any) -> Any:
        return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)

    rows = np.zeros((0, 0), dtype=np.uint8) if s.mixed or not s.rows else np.concatenate(s.rows)
    return Kept(
        kind=s.kind or "samples",
        places=whole(s.places, np.int64),
        digests=whole(s.digests, np.uint64),
        labels=whole(s.labels, np.uint64),
        judged=whole(s.judged, bool),
        rows=rows,
        usable=whole(s.usable, bool),
        numeric=s.numeric,
        columns=s.columns,
        classes=s.classes,
    )


def _lines(facts: Facts) -> tuple[Line, ...]:
    lines = []
    for across, what, code in (
        (True, "duplicates across sides", "TL109"),
        (False, "duplicates within a side", "TL128"),
    ):
        rows = [r for r in facts.duplicates or () if (r.first != r.second) is across]
        if not rows:
            if across and facts.duplicates is not None:
                lines.append(Line(what, (code,), None, None, "there is no held-out side"))
            continue
        exact, near = ([r for r in rows if r.exact is e] for e in (True, False))
        unknown = next((r.unknown for r in near if r.unknown), None)
        total = sum(r.compared for r in exact)
        value = f"{sum(r.shared for r in exact):,} equal"
        value += "" if unknown else f" and {sum(r.shared for r in near):,} nearly so"
        value += f" of {total:,} {rows[0].kind}"
        value += f" (near ones not looked for: {unknown})" if unknown else ""
        lines.append(Line(what, (code,), value, "0 and few"))
    return tuple(lines)
