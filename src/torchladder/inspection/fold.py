"""A check as a fold: what it keeps of a block is small, and two parts can be joined, so any machine may read any part.

The same blocks give the same facts however they are dealt out: parts are joined in the order of the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torchladder.sets.block import Block
from torchladder.sets.source import Source

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Side:
    """One data set of a check: the first is training, the others are held out.

    Attributes:
        role: "train", "held-out" …, as facts name it.
        read: Samples that were read; fewer than there are only where the user or a stated limit said so.
        planned: By what the sides were cut, where that is written down: "by scene".
    """

    role: str
    source: Source
    read: int
    complete: bool
    planned: str | None = None


class Fold(Protocol[State]):
    """One check. ``State`` can be pickled; its size does not grow with the samples beyond some bytes for each.

    Attributes:
        name: As in the progress and in the cache of states.
        version: Changed whenever the state means something else.
    """

    name: str
    version: int

    def begin(self) -> State:
        """Return the state of no samples."""

    def add(self, state: State, block: Block) -> State:
        """Return the state with a block more; ``state`` may be changed in place."""

    def join(self, first: State, second: State) -> State:
        """Return the state of both parts, the second following the first."""

    def facts(self, sides: Sequence[Side], states: Sequence[State]) -> dict[str, Any]:
        """Return fields of Facts from the states of all sides, training first."""
