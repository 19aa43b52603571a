"""Groups on both sides: patients, users, documents, videos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchladder.core.facts import Facts
from torchladder.core.shift_facts import GroupingFact
from torchladder.inspection.fold import Side
from torchladder.inspection.labels import is_missing
from torchladder.inspection.line import Line
from torchladder.sets.block import Block

SHOWN = 3


@dataclass
class State:
    """For each group, how many samples it has and the name of the first."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)


class Groups:
    """The fold."""

    name = "groups"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        if block.groups is None or not len(block):
            return state
        known = np.flatnonzero(~is_missing(block.groups))
        groups = np.array([_word(block.groups[i]) for i in known], dtype=object)
        names, first, times = np.unique(groups, return_index=True, return_counts=True)
        for name, at, n in zip(names.tolist(), first.tolist(), times.tolist(), strict=True):
            state.counts[name] = state.counts.get(name, 0) + n
            state.first.setdefault(name, block.names[known[at]])
        return state

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts."""
        for name, n in second.counts.items():
            first.counts[name] = first.counts.get(name, 0) + n
            first.first.setdefault(name, second.first[name])
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return one row for each held-out side that has groups, as training has."""
        train, columns = states[0], sides[0].source.columns
        if not train.counts or columns.group is None:
            return {"groupings": ()}
        found = []
        for number, held in enumerate(states[1:]):
            if not held.counts:
                continue
            shared = [g for g in held.counts if g in train.counts]
            told = sorted(shared, key=lambda g: -held.counts[g])[:SHOWN]
            found.append(
                GroupingFact(
                    held=number,
                    column=columns.group,
                    named=columns.chosen.get("group") != "inferred",
                    groups_train=len(train.counts),
                    groups_held=len(held.counts),
                    shared=len(shared),
                    samples=sum(held.counts[g] for g in shared),
                    compared=sum(held.counts.values()),
                    size=sum(train.counts.values()) / len(train.counts),
                    examples=tuple((g, train.first[g], held.first[g]) for g in told),
                )
            )
        return {"groupings": tuple(found)}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the line of groups on both sides."""
        rows = facts.groupings or ()
        if not rows:
            why = "no column was named as group (--group)"
            return (Line("groups on both sides", ("TL110",), None, "0", why),)
        worst = max(rows, key=lambda r: r.shared)
        value = f"{worst.shared:,} of {worst.groups_held:,} held-out groups"
        return (Line("groups on both sides", ("TL110",), value, "0"),)


def _word(value: Any) -> str:
    """Return a group as a word; whole numbers have no point, however they are stored."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
