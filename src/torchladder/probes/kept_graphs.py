"""Graphs that outlive their step: marks on graph nodes, counted while they live.

A node's metadata dies with the node, so that a weak reference to a mark in it tells whether the graph
is still held by something.
"""

import ast
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.loop_facts import GraphFact
from torchladder.probes import graph
from torchladder.probes.blocks import tree_of
from torchladder.probes.guarded import guarded
from torchladder.probes.interceptor import Call
from torchladder.probes.modules import RootCall
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.evaluations import Pass
    from torchladder.probes.session import Session

KEY = "torchladder graph"
LOOKS = (10, 20, 40, 80, 120, 160, 240, 320, 480, 640, 960, 1280)  # steps at which the living are counted
MARKS_MAX = 5000
PEAK_MAX = 64  # calls without a backward pass between them whose graphs are counted
YOUNG = 2  # steps for which a graph may well be needed
ADDS = {"add", "__add__", "__iadd__", "add_", "__radd__"}


class Mark:
    """What is left in a graph node: the step it was made in, and its turn among the model's calls."""

    __slots__ = ("__weakref__", "place", "step", "turn")

    def __init__(self, step: int, turn: int, place: Place | None = None) -> None:
        self.step, self.turn, self.place = step, turn, place


@dataclass
class Seen:
    """What was counted in one phase."""

    place: Place | None = None
    steps: list[int] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    walked: list[int] = field(default_factory=list)
    ages: list[int] = field(default_factory=list)


class KeptGraphs:
    """Marks outputs of models and sums of scalars, and counts marks."""

    names = frozenset(ADDS)

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.evaluations: Any = None  # known when all probes are made
        self.marks: list[weakref.ref[Mark]] = []
        self.phases: dict[int, Seen] = {}
        self.since: list[weakref.ref[Mark]] = []  # calls since the last backward pass
        self.peaks: dict[int, int] = {}  # turn of such a call -> how many of their graphs lived by then
        self.chains: Counter[Place] = Counter()
        self.entries: Counter[Place] = Counter()

    def install(self) -> None:
        """Listen to calls of models, sums, backward passes, steps, and the ends of evaluation passes."""
        session = self.session
        self.evaluations = session.probes["evaluations"]
        session.modules.on_enter.append(self._enter)
        session.modules.on_leave.append(self._leave)
        session.interceptor.listeners.append(self)
        session.backward.before.append(guarded(session, "kept graphs", self._backward))
        session.on_step.append(guarded(session, "kept graphs", self._step))
        self.evaluations.on_pass.append(guarded(session, "kept graphs", self._passed))

    # --- marks --------------------------------------------------------------------------------

    def _leave(self, call: RootCall) -> None:
        if not call.grad or len(self.marks) >= MARKS_MAX:
            return
        mark = Mark(self.session.steps, self.evaluations.turn)
        for t in tensors_in(call.output):
            if t.grad_fn is not None and not graph.is_leaf(t.grad_fn):
                metadata_of(t)[KEY] = mark
                self.marks.append(weakref.ref(mark))
                self.since.append(weakref.ref(mark))
                self.peaks[mark.turn] = sum(ref() is not None for ref in self.since[-PEAK_MAX:])
                return

    def _enter(self, call: RootCall) -> None:
        """Note inputs that carry the graph of an earlier step."""
        if not call.grad:
            return
        for t in tensors_in((call.args, call.kwargs)):
            mark = metadata_of(t).get(KEY) if t.grad_fn is not None else None
            place = user_place() if mark is not None and mark.step < self.session.steps else None
            if place is not None:
                self.entries[place] += 1

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Mark sums of scalars, and follow those that go on from step to step."""
        out = call.out
        if call.name not in ADDS or not isinstance(out, torch.Tensor) or out.grad_fn is None or out.numel() != 1:
            return
        before = [m for t in tensors_in(call.args, 1) if t.grad_fn is not None and (m := metadata_of(t).get(KEY))]
        older = [m for m in before if m.step < self.session.steps and m.place == call.place]
        metadata_of(out)[KEY] = Mark(self.session.steps, self.evaluations.turn, call.place)
        if older and call.place is not None:
            self.chains[call.place] += 1

    # --- looks --------------------------------------------------------------------------------

    def _backward(self, loss: Any) -> None:
        self.since.clear()
        self.peaks.clear()
        phase = self._seen()
        phase.place = phase.place or user_place()
        if not self.session.dense or not isinstance(loss, torch.Tensor) or loss.grad_fn is None:
            return
        nodes = list(graph.walk(loss.grad_fn))
        steps = [m.step for n in nodes if (m := (getattr(n, "metadata", None) or {}).get(KEY)) is not None]
        phase.walked.append(len(nodes))
        phase.ages.append(self.session.steps - min(steps, default=self.session.steps))

    def _seen(self) -> Seen:
        number = self.session.phases[-1].id if self.session.phases else 0
        return self.phases.setdefault(number, Seen())

    def _step(self, phase: Any) -> None:
        if phase is None or phase.steps not in LOOKS:
            return
        seen = self._seen()
        seen.steps.append(phase.steps)
        # Steps, not graphs: a step may call many models. Those looked at closely may live on by our own doing.
        seen.alive.append(len({m.step for m in self._living() if m.step < self.session.steps - YOUNG}))

    def _living(self) -> list[Mark]:
        living = [(ref, m) for ref in self.marks if (m := ref()) is not None]
        self.marks = [ref for ref, _ in living]
        return [m for _, m in living]

    def _passed(self, ended: "Pass") -> None:
        """Note how many graphs of an evaluation pass lived at once; they are no training graphs."""
        turns = {c.mark for c in ended.calls if c.grad}
        if not turns:
            return
        self.marks = [ref for ref in self.marks if (m := ref()) is None or m.turn not in turns]
        peak = max((n for turn, n in self.peaks.items() if turn in turns), default=0)
        self.evaluations.kept[len(self.evaluations.passes) - 1] = peak

    def facts(self) -> dict[str, Any]:
        """Return one row a phase that made graphs."""
        chained = tuple(p for p, n in self.chains.most_common(3) if n > YOUNG)
        entry = self.entries.most_common(1)
        rows = []
        for number, seen in self.phases.items():
            rows.append(
                GraphFact(
                    phase=number,
                    place=seen.place,
                    steps=tuple(seen.steps),
                    alive=tuple(seen.alive),
                    kept=chained or kept_lines(seen.place),
                    entry=entry[0][0] if entry else None,
                    entries=sum(self.entries.values()),
                    walked=tuple(seen.walked),
                    ages=tuple(seen.ages),
                )
            )
        return {"graphs": tuple(rows)}


def metadata_of(t: torch.Tensor) -> dict[str, Any]:
    """Return the dictionary that torch keeps for the node that made a tensor."""
    return getattr(t.grad_fn, "metadata", None) or {}


def kept_lines(place: Place | None) -> tuple[Place, ...]:
    """Return the lines of the program's file that put the differentiated tensor, as it is, into something that lasts.

    The tensor is known by its name: what ``backward()`` is called on, or any name that speaks of a loss.
    """
    tree = tree_of(place.path) if place is not None else None
    if place is None or tree is None:
        return ()
    names = {
        n.func.value.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "backward"
        if isinstance(n.func.value, ast.Name)
    }
    found = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.stmt) and _keeps(n, names)]
    return tuple(Place(place.path, line) for line in sorted(found)[:3])


def _keeps(node: ast.stmt, names: set[str]) -> bool:
    """Tell whether a statement appends, stores or sums up one of these names."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        func = node.value.func
        return isinstance(func, ast.Attribute) and func.attr in {"append", "add"} and _given(node.value.args, names)
    if isinstance(node, ast.AugAssign):
        return _given([node.value], names)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        return _given([node.value], names)
    return False


def _given(values: list[ast.expr], names: set[str]) -> bool:
    inside = [v for value in values for v in (value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value])]
    return any(isinstance(v, ast.Name) and (v.id in names or "loss" in v.id.lower()) for v in inside)
