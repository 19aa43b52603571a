"""What is differentiated, beside the losses that are computed: signs, factors, and losses left idle."""

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own habit

from torchladder.core.findings import Place
from torchladder.core.step_facts import IdleLossFact, ObjectiveFact
from torchladder.probes import graph
from torchladder.probes.guarded import guarded
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LOSSES, LossCall, class_ids, custom_call
from torchladder.probes.optimizers import held
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

SITES_KEPT = 12  # backward lines of a phase
STEADY = 0.02  # relative spread below which a factor is one number
EXACT = 1e-3  # relative difference below which two losses are one
WAITING = 64  # losses of recent steps whose backward may still come


@dataclass
class Site:
    """One line that differentiates, within one phase."""

    losses: dict[Place, tuple[str, str]] = field(default_factory=dict)
    scales: list[float] = field(default_factory=list)
    elements: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    negated: list[str | None] = field(default_factory=list)


@dataclass
class Look:
    """One backward pass."""

    place: Place | None
    calls: list[LossCall]
    scalar: float
    value: float | None
    elements: int | None
    negated: str | None


@dataclass
class Waiting:
    """A loss whose backward has not come."""

    name: str
    place: Place | None
    node: Any
    done: bool = False


class Objectives:
    """Reads each dense backward pass before it runs."""

    names = frozenset(LOSSES)
    sparse_names: frozenset[str] = frozenset()

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.sites: dict[tuple[int, Place | None], Site] = {}
        self.looks: list[Look] = []
        self.waiting: list[Waiting] = []
        self.times: dict[tuple[str, Place | None], int] = {}
        self.used: set[tuple[str, Place | None]] = set()
        self.nodes: dict[tuple[str, Place | None], Any] = {}
        self.reached: set[int] = set()

    def install(self) -> None:
        """Start to look."""
        self.session.backward.before.append(guarded(self.session, "objectives", self._look))
        self.session.on_step.append(guarded(self.session, "objectives", self._step))
        self.session.interceptor.listeners.append(self)

    def before(self, call: Call) -> None:
        """Nothing before."""

    def after(self, call: Call) -> None:
        """Keep the graph of a loss until a backward pass claims it."""
        if not self.session.dense or call.name not in LOSSES or not isinstance(call.out, torch.Tensor):
            return
        if call.out.grad_fn is not None and self.session.backward.count:
            self.waiting = [*self.waiting[-WAITING:], Waiting(call.name, call.place, call.out.grad_fn)]

    def _look(self, first: Any) -> None:
        if not self.session.dense or not isinstance(first, torch.Tensor) or first.grad_fn is None:
            return
        nodes = set(graph.walk(first.grad_fn))
        self.reached |= {id(n.variable) for n in nodes if graph.is_leaf(n)}
        for row in self.waiting:
            row.done = row.done or row.node in nodes
        if first.numel() != 1:
            return
        calls = [c for c in self.session.operations.loss_calls if c.node in nodes]
        values = [float(c.out) for c in calls if c.out is not None and c.out.numel() == 1]
        value = sum(values) if values and len(values) == len(calls) else None
        sizes = [_elements(c) for c in calls]
        negated = None if calls else _negated(self.session, first)
        place = user_place()
        elements = sum(sizes) if sizes else None
        self.looks.append(Look(place, calls, float(first), value, elements, negated))

    def _step(self, phase: "Phase | None") -> None:
        looks, self.looks = self.looks, []
        self._settle()
        if phase is None or not looks:
            return
        by_place: dict[Place | None, list[Look]] = {}
        for look in looks:
            by_place.setdefault(look.place, []).append(look)
        for place, group in by_place.items():
            if (phase.id, place) not in self.sites and len(self.sites) >= SITES_KEPT:
                continue
            site = self.sites.setdefault((phase.id, place), Site())
            site.counts.append(len(group))
            for look in group:
                _add(site, look)

    def _settle(self) -> None:
        """Count losses by line, and those that a backward pass reached."""
        for row in self.waiting:
            key = (row.name, row.place)
            if row.done:
                self.used.add(key)
            else:
                self.nodes[key] = row.node
            self.times[key] = self.times.get(key, 0) + 1
        self.waiting = []

    # --- facts --------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return one row a backward line, and one an idle loss."""
        objectives = tuple(_fact(phase, place, site) for (phase, place), site in self.sites.items())
        return {"objectives": objectives, "idle_losses": tuple(self._idle())}

    def _idle(self) -> list[IdleLossFact]:
        mine = {id(p) for o in self.session.optimizers.lives for p in held(o)}
        names = self.session.optimizers.names()
        rows = []
        for (name, place), node in self.nodes.items():
            if (name, place) in self.used:
                continue
            leaves = [n.variable for n in graph.walk(node) if graph.is_leaf(n)]
            lonely = [t for t in leaves if id(t) in mine and id(t) not in self.reached]
            known = tuple(names.get(id(t), "?") for t in lonely)
            rows.append(IdleLossFact(name.removesuffix("_nd"), place, self.times[name, place], known))
        return rows


def _add(site: Site, look: Look) -> None:
    for call in look.calls:
        if call.place is not None:
            site.losses.setdefault(call.place, (call.function, str(call.options.get("reduction", "mean"))))
    if look.value and math.isfinite(look.value) and math.isfinite(look.scalar):
        site.scales.append(look.scalar / look.value)
    if look.elements:
        site.elements.append(look.elements)
    site.values.append(look.value if look.value is not None else look.scalar)
    site.negated.append(look.negated)


def _fact(phase: int, place: Place | None, site: Site) -> ObjectiveFact:
    middle = statistics.median(site.scales) if site.scales else None
    steady = middle is not None and all(abs(s - middle) <= STEADY * abs(middle) for s in site.scales)
    same = set(site.negated)
    return ObjectiveFact(
        phase=phase,
        place=place,
        losses=tuple(site.losses),
        functions=tuple(f for f, _ in site.losses.values()),
        reductions=tuple(r for _, r in site.losses.values()),
        passes=len(site.values),
        per_step=float(statistics.median(site.counts)),
        scale=middle if steady else None,
        elements=float(statistics.median(site.elements)) if site.elements else None,
        negated=same.pop() if len(same) == 1 else None,
        values=tuple(site.values),
    )


def _elements(call: LossCall) -> int:
    """Return how many values the mean of a loss would be over: targets that are class ids, else the input's."""
    ids = class_ids(call.input, call.target) if call.function in {"cross_entropy", "nll_loss"} else None
    if ids is not None:
        return int(ids.numel())
    if call.input is None:
        return 0
    soft = call.function == "cross_entropy" and call.input.dim() > 1
    return int(call.input.numel() // call.input.shape[1]) if soft else int(call.input.numel())


def _negated(session: "Session", scalar: torch.Tensor) -> str | None:
    """Return the loss of which a hand-written scalar is exactly the negative, None if of none."""
    found = custom_call(session, scalar)
    if found is None or found.input is None or found.target is None or found.options.get("other_data"):
        return None
    output, target, value = found.input.detach(), found.target.detach(), float(scalar)
    if not math.isfinite(value) or value == 0:
        return None
    with torch.no_grad():
        for name, loss in _candidates(output, target):
            known = float(loss)
            if known > 0 and abs(value + known) <= EXACT * known:
                return name
    return None


def _candidates(output: torch.Tensor, target: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    """Return the usual losses of an output against the data it met."""
    matrix = 2
    if not target.is_floating_point() and output.dim() == matrix and target.numel() == output.shape[0]:
        ids = target.reshape(-1).long()
        if int(ids.min()) < 0 or int(ids.max()) >= output.shape[1]:
            return []
        found = [("cross_entropy", F.cross_entropy(output, ids)), ("nll_loss", F.nll_loss(output, ids))]
        if bool((output > 0).all()):
            found.append(("nll_loss", F.nll_loss(output.log(), ids)))
        return found
    if target.is_floating_point() and target.numel() == output.numel():
        x, t = output.reshape(-1), target.reshape(-1).to(output.dtype)
        found = [("mse_loss", F.mse_loss(x, t)), ("l1_loss", F.l1_loss(x, t))]
        if bool(((t == 0) | (t == 1)).all()):
            found.append(("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits(x, t)))
        return found
    return []
