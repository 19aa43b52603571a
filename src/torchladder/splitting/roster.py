"""What a split needs to know of each sample: its label, group, time and name, and a trace of what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import InternalError
from torchladder.data.small import small_picture
from torchladder.inspection.duplicates import Duplicates
from torchladder.inspection.duplicates import State as Copies
from torchladder.inspection.engine import Broken, Progress, fold_all, here
from torchladder.inspection.fold import Side
from torchladder.inspection.states import States
from torchladder.sets.block import Array, Block, Kind
from torchladder.sets.source import Source

TRACE = 64  # numbers kept of a sample, by which it is compared with the one after it
TRACE_SIDE = 8  # of pictures: as many across and down


@dataclass
class Members:
    """All samples that could be read, in the order of the data; ``None`` where nothing was named.

    Attributes:
        names: Of pictures only: rows and samples of arrays have numbers.
        trace: (N, at most 64) what each looks like, None where widths differ or there are no numbers.
        lost: Samples that could not be read.
    """

    kind: Kind
    places: NDArray[np.int64]
    names: list[str]
    labels: Array | None
    groups: Array | None
    times: NDArray[np.float64] | None
    trace: NDArray[np.float32] | None
    copies: Copies | Broken
    lost: int = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.places)


@dataclass
class State:
    """Arrays of the blocks so far."""

    places: list[NDArray[np.int64]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[Array | None] = field(default_factory=list)
    groups: list[Array | None] = field(default_factory=list)
    times: list[Array | None] = field(default_factory=list)
    traces: list[NDArray[np.float32] | None] = field(default_factory=list)
    lost: int = 0


class Roster:
    """The fold."""

    name = "roster"
    version = 1

    def begin(self) -> State:
        """Return the state of no samples."""
        return State()

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more."""
        state.lost += sum(f.samples for f in block.faults if f.kind != "mixed")
        if not len(block):
            return state
        state.places.append(block.places)
        state.names += list(block.names) if block.kind is Kind.IMAGES else []
        state.labels.append(block.labels)
        state.groups.append(block.groups)
        state.times.append(block.times)
        state.traces.append(trace_of(block))
        return state

    def join(self, first: State, second: State) -> State:
        """Return both, one after the other."""
        for name in ("places", "names", "labels", "groups", "times", "traces"):
            getattr(first, name).extend(getattr(second, name))
        first.lost += second.lost
        return first

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:  # noqa: ARG002
        """Return no facts: a split is made from the state itself."""
        return {}


def trace_of(block: Block) -> NDArray[np.float32] | None:
    """Return a few numbers for each sample that differ little where samples do."""
    if block.kind is Kind.IMAGES:
        small = [small_picture(p, TRACE_SIDE) for p in block.images]
        grey = [s.reshape(*s.shape[:2], -1).mean(axis=2) for s in small]
        same = all(g.shape == grey[0].shape for g in grey)
        return np.stack(grey).reshape(len(grey), -1).astype(np.float32) if same else None
    if block.kind is Kind.TABLE:
        columns = [v.astype(np.float32) for v in block.columns.values() if v.dtype.kind in "fiub"][:TRACE]
        return np.stack(columns, axis=1) if columns else None
    if block.arrays is None or block.arrays.dtype.kind not in "fiub":
        return None
    flat = block.arrays.reshape(len(block), -1)
    picked = np.unique(np.linspace(0, flat.shape[1] - 1, min(TRACE, flat.shape[1])).astype(int))
    return np.asarray(flat[:, picked], dtype=np.float32)


def members_of(source: Source, progress: Progress) -> Members:
    """Read a data set once."""
    part = fold_all([source], [Roster(), Duplicates()], mapper=here, states=States(None), progress=progress)[0]
    state, copies = part.states
    if isinstance(state, Broken):
        raise InternalError(state.why)
    places = np.concatenate(state.places) if state.places else np.zeros(0, dtype=np.int64)
    return Members(
        source.kind,
        places,
        state.names,
        whole(state.labels),
        whole(state.groups),
        _numbers(state.times),
        _stacked(state.traces),
        copies,
        state.lost,
    )


def whole(parts: Sequence[Array | None]) -> Array | None:
    """Return the parts as one array, of objects where they differ in type; None where a part is missing."""
    given = [p for p in parts if p is not None]
    if not given or len(given) < len(parts):
        return None
    kinds = {"i" if p.dtype.kind in "iub" else p.dtype.kind for p in given}
    return np.concatenate(given if len(kinds) == 1 else [p.astype(object) for p in given])


def _numbers(parts: Sequence[Array | None]) -> NDArray[np.float64] | None:
    found = whole(parts)
    return found.astype(float) if found is not None and found.dtype.kind in "fiu" else None


def _stacked(parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    given = [p for p in parts if p is not None]
    if not given or len(given) < len(parts) or len({p.shape[1] for p in given}) > 1:
        return None
    return np.concatenate(given)
