"""Graphs that outlive their step, in a live run: marks on a few nodes of the graphs of a window of steps.

A node's metadata dies with the node, so that a weak reference to a mark in it tells whether the graph is still held by
something; a mark met on the way down from a later loss tells that a backward pass runs through an old graph. The first
window is the run's first ``MARKED`` steps; others begin at steps 1,000, 10,000 and so on. In between nothing is done.
"""

import weakref
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Place
from torchladder.core.loop_facts import GraphFact
from torchladder.monitor.memory import bytes_held
from torchladder.probes.kept_graphs import kept_lines

KEY = "torchladder watch"
LOOKS = frozenset((10, 20, 40, 80))  # steps of a window after which the living are counted
MARKED = max(LOOKS)  # steps of a window
SECOND = 1000  # step at which the second window begins; each later one begins ten times as late
DEPTH = 8  # nodes below a loss that are marked: past the loss function, to what the model returned
YOUNG = 2  # steps for which a graph may well be needed
WALK_MAX = 20_000  # nodes of a graph that are counted


class Mark:
    """What is left in the nodes of a step's graph."""

    __slots__ = ("__weakref__", "step")

    def __init__(self, step: int) -> None:
        self.step = step


@dataclass
class Window:
    """What was seen of the graphs of ``MARKED`` steps, the first of which is step ``since``."""

    since: int = 0
    marks: list[weakref.ref[Mark]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    walked: dict[int, int] = field(default_factory=dict)
    ages: dict[int, int] = field(default_factory=dict)


class Growth:
    """Marks the graphs of a window's steps, and counts the marks that live on; nothing to do before step ``due``."""

    def __init__(self) -> None:
        self.windows = [Window()]
        self.due = 0
        self._kept: dict[Place, tuple[Place, ...]] = {}

    def before_backward(self, loss: Any, step: int) -> None:
        """Mark the graph of what is differentiated, and at some steps see how far it reaches."""
        node, window = getattr(loss, "grad_fn", None), self.windows[-1]
        if step < self.due or node is None:
            return
        mark = Mark(step)
        window.marks.append(weakref.ref(mark))
        if step - window.since in LOOKS:
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
        window = self.windows[-1]
        if step < self.due or step - window.since not in LOOKS or step in window.steps:
            return
        living = {m.step for ref in window.marks if (m := ref()) is not None}
        window.steps.append(step)
        window.alive.append(sum(s < step - YOUNG for s in living))
        window.memory.append(bytes_held())
        if step - window.since == MARKED:
            self.due = 10 * window.since or SECOND
            window.marks.clear()
            self.windows.append(Window(self.due))

    def facts(self, place: Place | None) -> dict[str, Any]:
        """Return the rows of the run so far; ``place`` is the line of the backward call."""
        seen = [w for w in self.windows if w.steps]
        if not seen:
            return {}
        if place is not None and place not in self._kept:
            self._kept[place] = kept_lines(place)
        rows = (
            GraphFact(
                phase=0,
                place=place,
                steps=tuple(w.steps),
                alive=tuple(w.alive),
                kept=self._kept.get(place, ()) if place is not None else (),
                walked=tuple(w.walked.values()),
                ages=tuple(w.ages.values()),
                memory=tuple(w.memory),
                since=w.since,
            )
            for w in seen
        )
        return {"graphs": tuple(rows)}

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
        window = self.windows[-1]
        if len(seen) > window.walked.get(step, 0):  # of several backward passes in one step the longest
            window.walked[step], window.ages[step] = len(seen), step - oldest


def _is_leaf(node: Any) -> bool:
    return type(node).__name__ == "AccumulateGrad"
