"""Whether held-out samples are later than those trained on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.facts import Facts
from torchladder.core.shift_facts import TimesFact
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.sets.block import Block

EPOCH = 1e8  # numbers beyond are seconds since 1970, those below are years, days or steps
LATEST = 1e11
State = list[NDArray[np.float64]]


class Times:
    """The fold: the time of every sample."""

    name = "times"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return []

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        if block.times is not None and block.times.dtype.kind in "fiu":
            values = block.times.astype(float)
            state.append(values[np.isfinite(values)])
        return state

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts."""
        return [*first, *second]

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return one row for each held-out side whose samples have times, as those of training have."""
        train, columns = _whole(states[0]), sides[0].source.columns
        if not len(train) or columns.time is None:
            return {"times": ()}
        found = []
        for number, state in enumerate(states[1:]):
            held = _whole(state)
            if not len(held):
                continue
            found.append(
                TimesFact(
                    held=number,
                    column=columns.time,
                    named=columns.chosen.get("time") != "inferred",
                    train_first=moment(train.min()),
                    train_last=moment(train.max()),
                    held_first=moment(held.min()),
                    held_last=moment(held.max()),
                    earlier=float((held < train.max()).mean()),
                    before=float((held < train.min()).mean()),
                    n=len(held),
                )
            )
        return {"times": tuple(found)}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the line of the sides' order in time."""
        rows = facts.times or ()
        if not rows:
            why = "no column was named as time (--time)"
            return (Line("earlier than training", ("TL111",), None, "0%", why),)
        worst = max(rows, key=lambda r: r.earlier)
        return (Line("earlier than training", ("TL111",), f"{worst.earlier:.1%}", "0%"),)


def _whole(state: State) -> NDArray[np.float64]:
    return np.concatenate(state) if state else np.zeros(0)


def moment(value: float) -> str:
    """Return a time as a date, or as the number it is."""
    if not EPOCH <= abs(value) <= LATEST:
        return f"{value:g}"
    when = datetime.fromtimestamp(float(value), UTC)
    return f"{when:%Y-%m-%d}" if value % 86400 == 0 else f"{when:%Y-%m-%d %H:%M}"
