"""Recurrent state that is handed on from one training step to the next."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import RandomSampler

from torchladder.core.findings import Place
from torchladder.core.loop_facts import StateFact
from torchladder.probes.guarded import guarded
from torchladder.probes.modules import RootCall
from torchladder.probes.tensors import same_values, tensors_in
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
WHOLE_SET = 4  # batches that a drawn order must cover to be one over the data set
SIZE_MAX = 1 << 22  # numbers of a state that are kept for a step


@dataclass
class Returned:
    """What a module returned at a step."""

    step: int
    tensors: list[torch.Tensor]


@dataclass
class Line:
    """One module that takes states."""

    phase: int
    layer: str
    module: str | None
    place: Place | None
    times: int = 0
    steps: int = 0
    size: float = 0.0
    at: int = -1


class States:
    """Compares what recurrent layers and models are given with what they returned in earlier steps."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.returned: dict[int, Returned] = {}
        self.earlier: dict[int, Returned] = {}
        self.lines: dict[int, Line] = {}
        self.shuffled = False

    def install(self) -> None:
        """Listen to recurrent layers and to models."""
        look, keep = guarded(self.session, "states", self._look), guarded(self.session, "states", self._keep)

        def enter(module: nn.Module, args: Any) -> None:
            if isinstance(module, RECURRENT) and self._watching() and len(args) > 1:
                look(module, args[1:])

        def leave(module: nn.Module, args: Any, out: Any) -> None:  # noqa: ARG001 - torch's signature
            if isinstance(module, RECURRENT) and self._watching():
                keep(module, out[1] if isinstance(module, nn.RNNBase) else out)

        self.session.modules.layer_hooks.append((enter, leave))
        self.session.modules.on_enter.append(lambda call: self._root(call, look))
        self.session.modules.on_leave.append(lambda call: self._root_left(call, keep))

    def _watching(self) -> bool:
        modules = self.session.modules
        return self.session.dense and torch.is_grad_enabled() and not modules.asking

    def _root(self, call: RootCall, look: Any) -> None:
        if call.grad and self._watching() and not isinstance(call.root.module, RECURRENT):
            self._order()
            look(call.root.module, (call.args, call.kwargs))

    def _root_left(self, call: RootCall, keep: Any) -> None:
        if call.grad and self._watching() and not isinstance(call.root.module, RECURRENT):
            outs = list(tensors_in(call.output))
            keep(call.root.module, outs[1:])  # the first one is the prediction

    def _order(self) -> None:
        loader = self.session.loaders.current
        if loader is not None and isinstance(getattr(loader.loader, "sampler", None), RandomSampler):
            self.shuffled = True

    def _keep(self, module: nn.Module, out: Any) -> None:
        kept = [t.detach().clone() for t in tensors_in(out) if t.is_floating_point() and 1 < t.numel() <= SIZE_MAX]
        before = self.returned.get(id(module))
        if before is not None and before.step < self.session.steps:
            self.earlier[id(module)] = before
        self.returned[id(module)] = Returned(self.session.steps, kept)

    def _look(self, module: nn.Module, given: Any) -> None:
        last, step = self.returned.get(id(module)), self.session.steps
        if last is not None and last.step == step:
            last = self.earlier.get(id(module))
        if last is None or last.step >= step:
            return
        line = self.lines.get(id(module))
        if line is None:
            phase = self.session.phases[-1].id if self.session.phases else 0
            name = self.session.modules.name_of(module)
            line = self.lines[id(module)] = Line(phase, type(module).__name__, name, user_place())
        if line.at != step:
            line.at = step
            line.steps += 1
            hits = [t for t in tensors_in(given) if any(same_values(t.detach(), r) for r in last.tensors)]
            sizes = [float(t.detach().abs().max()) for t in hits]
            if sizes and max(sizes) > 0:
                line.times += 1
                line.size = max(line.size, *sizes)

    def facts(self) -> dict[str, Any]:
        """Return one row a module that was given states."""
        return {
            "states": tuple(
                StateFact(x.phase, x.layer, x.module, x.place, x.times, x.steps, self.shuffled, x.size)
                for x in self.lines.values()
                if x.times
            )
        }
