"""Graphs that outlive their step, in a live run: marks on a few nodes of each of the first steps' graphs.

A node's metadata dies with the node, so that a weak reference to a mark in it tells whether the graph is still held by
something; a mark met on the way down from a later loss tells that a backward pass runs through an old graph. After the
first ``MARKED`` steps nothing is done any more.
"""

import weakref
from typing import Any

from torchladder.core.findings import Place
from torchladder.core.loop_facts import GraphFact
from torchladder.monitor.resident import bytes_held
from torchladder.probes.kept_graphs import kept_lines

KEY = "torchladder watch"
LOOKS = frozenset((10, 20, 40, 80))  # steps at which the living are counted
MARKED = max(LOOKS) + 1
DEPTH = 8  # nodes below a loss that are marked: past the loss function, to what the model returned
YOUNG = 2  # steps for which a graph may well be needed
WALK_MAX = 20_000  # nodes of a graph that are counted


class Mark:
    """What is left in the nodes of a step's graph."""

    __slots__ = ("__weakref__", "step")

    def __init__(self, step: int) -> None:
        self.step = step


class Growth:
    """Marks the graphs of the first steps, and counts the marks that live on."""

    def __init__(self) -> None:
        self.marks: list[weakref.ref[Mark]] = []
        self.steps: list[int] = []
        self.alive: list[int] = []
        self.memory: list[int] = []
        self.walked: dict[int, int] = {}
        self.ages: dict[int, int] = {}
        self._kept: dict[Place, tuple[Place, ...]] = {}

    def before_backward(self, loss: Any, step: int) -> None:
        """Mark the graph of what is differentiated, and at some steps see how far it reaches."""
        node = getattr(loss, "grad_fn", None)
        if step >= MARKED or node is None:
            return
        mark = Mark(step)
        self.marks.append(weakref.ref(mark))
        if step in LOOKS:
            self._walk(node, step)
        for _ in range(DEPTH):
            metadata = getattr(node, "metadata", None)
            if metadata is None or KEY in metadata:  # the graph of an earlier step begins here
                return
            metadata[KEY] = mark
            node = next((up for up, _ in node.next_functions if up is not None and not _is_leaf(up)), None)
            if node is None:
                return

    def after_step(self, step: int) -> None:
        """Count the earlier steps whose graphs are alive; ``step`` steps are made."""
        if step not in LOOKS or step in self.steps:
            return
        living = {m.step for ref in self.marks if (m := ref()) is not None}
        self.steps.append(step)
        self.alive.append(sum(s < step - YOUNG for s in living))
        self.memory.append(bytes_held())

    def facts(self, place: Place | None) -> dict[str, Any]:
        """Return the row of the run so far; ``place`` is the line of the backward call."""
        if not self.steps:
            return {}
        if place is not None and place not in self._kept:
            self._kept[place] = kept_lines(place)
        row = GraphFact(
            phase=0,
            place=place,
            steps=tuple(self.steps),
            alive=tuple(self.alive),
            kept=self._kept.get(place, ()) if place is not None else (),
            walked=tuple(self.walked.values()),
            ages=tuple(self.ages.values()),
            memory=tuple(self.memory),
        )
        return {"graphs": (row,)}

    def _walk(self, start: Any, step: int) -> None:
        """Count the nodes a backward pass runs through, and find the oldest mark among them."""
        seen: set[Any] = {start}
        stack, oldest = [start], step
        while stack:
            node = stack.pop()
            mark = (getattr(node, "metadata", None) or {}).get(KEY)
            oldest = min(oldest, mark.step) if mark is not None else oldest
            for up, _ in node.next_functions:
                if up is not None and up not in seen:
                    seen.add(up)
                    stack.append(up)
            if len(seen) > WALK_MAX:
                return
        if len(seen) > self.walked.get(step, 0):  # of several backward passes in one step the longest
            self.walked[step], self.ages[step] = len(seen), step - oldest


def _is_leaf(node: Any) -> bool:
    return type(node).__name__ == "AccumulateGrad"
