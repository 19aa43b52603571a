"""Gradients as the optimizer finds them: their norm over the steps, and by depth in the model."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.model_facts import GradientFact, LayerGradientFact
from torchladder.probes import graph
from torchladder.probes.optimizers import held

if TYPE_CHECKING:
    from torchladder.probes.session import Session

EVERY = 10  # steps between two looks when the run is not observed densely
KEPT = 400  # looks of a phase
LAYERS = {"linear", "conv1d", "conv2d", "conv3d", "matmul", "__matmul__", "addmm", "mm", "rnn_tanh", "rnn_relu"}


@dataclass
class Layer:
    """One weight matrix: the step and |g| / |w| of each look."""

    weight: torch.Tensor
    depth: int
    function: str
    steps: list[int] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


@dataclass
class History:
    """One optimizer so far; norms stay on their device until the end."""

    steps: list[int] = field(default_factory=list)
    norms: list[torch.Tensor] = field(default_factory=list)
    raw: list[torch.Tensor] = field(default_factory=list)
    weight_norm: torch.Tensor | None = None
    layers: dict[int, Layer] = field(default_factory=dict)


class Gradients:
    """The probe: looks at each dense step, and at every tenth after those."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.histories: dict[torch.optim.Optimizer, History] = {}
        self.turns: dict[int, tuple[int, str, torch.Tensor]] = {}

    def install(self) -> None:
        """Start to look."""
        self.session.backward.before.append(self._order)
        self.session.backward.after.append(self._raw)
        self.session.optimizers.before_step.append(self._look)

    def _order(self, loss: torch.Tensor | None) -> None:
        """Note in which turn the weights were used on the way to the loss."""
        del loss
        if not self.session.dense:
            return
        ops = self.session.operations
        for node, weight in ops.layers.items():
            op = ops.ops.get(node)
            name = op.function if op is not None else graph.kind(node)
            if id(weight) not in self.turns and name in LAYERS and weight.requires_grad:
                self.turns[id(weight)] = (len(self.turns), name, weight)

    def _wanted(self, optimizer: torch.optim.Optimizer) -> History | None:
        history = self.histories.setdefault(optimizer, History())
        life = self.session.optimizers.lives.get(optimizer)
        due = self.session.dense or (life is not None and life.steps % EVERY == 0)
        return history if due and len(history.steps) < KEPT else None

    @torch.no_grad()
    def _raw(self, passed: object) -> None:
        """Keep the norm right after the backward pass, before anything clips it."""
        del passed
        for optimizer in list(self.session.optimizers.lives) if self.session.dense else ():
            history = self._wanted(optimizer)
            if history is not None:
                norm = _norm(held(optimizer))
                history.raw = [*history.raw[: len(history.steps)], norm]

    @torch.no_grad()
    def _look(self, optimizer: torch.optim.Optimizer) -> None:
        try:
            history = self._wanted(optimizer)
            if history is not None:
                self._keep(optimizer, history)
        except Exception as error:
            self.session.failed("gradients", error)

    def _keep(self, optimizer: torch.optim.Optimizer, history: History) -> None:
        life = self.session.optimizers.lives[optimizer]
        step = life.steps - 1
        tensors = held(optimizer)
        norm = _norm(tensors)
        if history.weight_norm is None:
            squares = [t.detach().float().norm() for t in tensors]
            history.weight_norm = torch.stack(squares).norm() if squares else torch.zeros(())
        history.steps.append(step)
        history.norms.append(norm)
        if len(history.raw) < len(history.steps):
            history.raw.append(norm)
        if not self.session.dense:
            return
        for depth, function, weight in self.turns.values():
            if weight.grad is None or weight.grad.is_sparse or not any(weight is t for t in tensors):
                continue
            size = float(weight.detach().norm())
            if size > 0:
                layer = history.layers.setdefault(id(weight), Layer(weight, depth, function))
                layer.steps.append(step)
                layer.ratios.append(float(weight.grad.detach().norm()) / size)

    def facts(self) -> dict[str, Any]:
        """Return a row a phase, and one a layer of it."""
        rows: list[GradientFact] = []
        layers: list[LayerGradientFact] = []
        for phase in self.session.phases:
            history = self.histories.get(phase.optimizer) if phase.optimizer is not None else None
            if history is None or not history.steps or history.weight_norm is None:
                continue
            n = len(history.steps)
            raw = [float(v) for v in history.raw[:n]]
            places = [r.place for r in phase.roots.values()]
            norms = tuple(float(v) for v in history.norms)
            rows.append(
                GradientFact(
                    phase.id, tuple(history.steps), norms, tuple(raw), float(history.weight_norm), _first(places)
                )
            )
            layers += self._layers(phase, history)
        return {"gradients": tuple(rows), "layer_gradients": tuple(layers)}

    def _layers(self, phase: Any, history: History) -> list[LayerGradientFact]:
        names = self.session.optimizers.names()
        order = sorted(history.layers.values(), key=lambda layer: layer.depth)
        known = {id(m): (n, m) for root in self.session.modules.roots.values() for n, m in root.module.named_modules()}
        owner = {id(p): n for n, m in known.values() for p in m.parameters(recurse=False)}
        modules = dict(known.values())
        return [
            LayerGradientFact(
                phase=phase.id,
                name=names.get(id(layer.weight), "?"),
                depth=depth,
                layers=len(order),
                ratios=tuple(layer.ratios),
                steps=tuple(layer.steps),
                function=layer.function,
                module=owner.get(id(layer.weight)),
                created=self.session.modules.created(modules.get(owner.get(id(layer.weight), "?"))),
                fresh=phase.watched[id(layer.weight)].fresh if id(layer.weight) in phase.watched else True,
            )
            for depth, layer in enumerate(order)
        ]


def _norm(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Return the norm of all gradients together; no host sync."""
    norms = [t.grad.detach().float().norm() for t in tensors if t.grad is not None and not t.grad.is_sparse]
    return torch.stack([n.to(norms[0].device) for n in norms]).norm() if norms else torch.zeros(())


def _first(places: list[Place | None]) -> Place | None:
    return next((p for p in places if p is not None), None)
