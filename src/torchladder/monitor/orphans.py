"""Optimizers that step without gradients, and the tensors that the loss reaches instead of theirs."""

import weakref
from dataclasses import dataclass
from typing import Any

import torch

from torchladder.core.facts import ParameterFact
from torchladder.monitor.history import History, Phase
from torchladder.probes import graph

HEAD = 64  # elements of a tensor that are compared from look to look
LOOKS = 8  # looks at a loss's graph that must all find a tensor: other optimizers have stepped by then


@dataclass
class Orphan:
    """A leaf that a loss reaches and no optimizer holds."""

    tensor: weakref.ref[torch.Tensor]
    head: torch.Tensor
    looks: int = 1
    changed: bool = False


class Orphans:
    """Told at each sampled step what the optimizer finds."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.found: dict[int, dict[int, Orphan]] = {}

    def look(self, phase: Phase, *, gradients: bool, root: Any) -> None:
        """Count a look at a step; ``root`` is the node of the loss differentiated last."""
        phase.looks += 1
        if gradients:
            return
        phase.gradless += 1
        found = self.found.setdefault(phase.number, {})
        if root is None or phase.looks > phase.gradless or any(o.looks >= LOOKS for o in found.values()):
            return
        held = {id(p) for other in self.history.phases for g in other.optimizer.param_groups for p in g["params"]}
        for node in graph.walk(root):
            if graph.is_leaf(node) and id(node.variable) not in held:
                _see(found, node.variable)

    def facts(self) -> tuple[ParameterFact, ...]:
        """Return the tensors that every look found, of optimizers that never had a gradient."""
        return tuple(
            _fact(phase, o)
            for phase in self.history.phases
            if 0 < phase.looks == phase.gradless
            for o in self.found.get(phase.number, {}).values()
            if o.looks >= LOOKS and o.tensor() is not None and not self._held(o.tensor())
        )

    def _held(self, tensor: Any) -> bool:
        return any(p is tensor for h in self.history.phases for g in h.optimizer.param_groups for p in g["params"])


@torch.no_grad()
def _see(found: dict[int, Orphan], tensor: torch.Tensor) -> None:
    head = tensor.detach().reshape(-1)[:HEAD]
    known = found.get(id(tensor))
    if known is None or known.tensor() is not tensor:
        found[id(tensor)] = Orphan(weakref.ref(tensor), head.clone())
        return
    known.looks += 1
    known.changed = known.changed or not torch.equal(known.head, head)


def _fact(phase: Phase, orphan: Orphan) -> ParameterFact:
    tensor = orphan.tensor()
    assert tensor is not None
    shape = tuple(tensor.shape)
    return ParameterFact(
        name=f"a tensor of shape {list(shape)}",
        phase=phase.number,
        shape=shape,
        requires_grad=True,
        registered=isinstance(tensor, torch.nn.Parameter),
        reached=True,
        in_optimizer=False,
        in_any_optimizer=False,
        changed=orphan.changed,
    )
