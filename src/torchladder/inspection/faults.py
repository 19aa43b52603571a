"""What could not be read of each side, counted and named."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.reading_facts import FaultFact, ReadFact
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.sets.block import Block

EXAMPLES = 5
STILL_THERE = {"mixed", "encoding"}  # faults of a value, not of the sample


@dataclass
class State:
    """Counts by kind."""

    read: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)


class Faults:
    """The fold."""

    name = "faults"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Count a block's faults."""
        state.read += len(block)
        for fault in block.faults:
            state.counts[fault.kind] += fault.samples
            shown = state.examples.setdefault(fault.kind, [])
            if len(shown) < EXAMPLES:
                shown.append(f"{fault.name}: {fault.words}")
        return state

    def join(self, first: State, second: State) -> State:
        """Return the sum, examples in the order of the data."""
        first.read += second.read
        first.counts.update(second.counts)
        for kind, names in second.examples.items():
            first.examples[kind] = [*first.examples.get(kind, []), *names][:EXAMPLES]
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return one row a side."""
        return {"reads": tuple(_row(side, state) for side, state in zip(sides, states, strict=True))}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the line of what could not be read."""
        rows = facts.reads or ()
        odd = sum(f.count for r in rows for f in r.faults if not f.lost)
        more = f", {odd:,} value{'' if odd == 1 else 's'} of another type" if odd else ""
        return (Line("unreadable samples", ("TL125",), f"{sum(r.lost for r in rows):,}{more}", "0"),)


def _row(side: Side, state: State) -> ReadFact:
    faults = tuple(
        FaultFact(kind, n, kind not in STILL_THERE, tuple(state.examples.get(kind, ())))
        for kind, n in state.counts.most_common()
    )
    lost = sum(f.count for f in faults if f.lost)
    rows = side.source.rows if side.source.rows is not None else state.read + lost
    told = tuple(side.source.told)
    return ReadFact(side.role, side.source.name, side.source.kind.value, rows, state.read, side.complete, told, faults)
