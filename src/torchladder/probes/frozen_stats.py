"""Batch-norm layers whose weights are frozen while their statistics go on moving."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.findings import Place
from torchladder.core.loop_facts import FrozenStatsFact
from torchladder.probes.modules import RootCall
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

Norm = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base
NAMES_SHOWN = 8
TINY = 1e-12


@dataclass
class Watched:
    """One frozen layer in one phase."""

    layer: Any
    name: str
    first: torch.Tensor
    trained_before: bool
    moving: bool = False
    drift: float = 0.0


class FrozenStats:
    """Looks at the models of dense training steps."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.watched: dict[tuple[int, int], Watched] = {}
        self.shares: dict[int, float] = {}
        self.train_places: dict[int, Place] = {}
        self.places: dict[int, Place] = {}

    def install(self) -> None:
        """Listen to models, and note who calls train()."""
        self.session.modules.on_leave.append(self._leave)
        original = nn.Module.train
        busy = False

        def train(module: nn.Module, mode: bool = True) -> nn.Module:  # noqa: FBT001, FBT002 - torch's signature
            nonlocal busy
            if busy or not mode:
                return original(module, mode)
            busy = True
            try:
                place = user_place()
                if place is not None:
                    self.train_places[id(module)] = place
                return original(module, mode)
            finally:
                busy = False

        nn.Module.train = train  # type: ignore[assignment,method-assign]

    def _leave(self, call: RootCall) -> None:
        if not call.grad or not self.session.dense:
            return
        phase = self.session.phases[-1].id if self.session.phases and not self.session.optimizers.unstepped() else None
        number = phase if phase is not None else len(self.session.phases)
        for name, layer in call.root.module.named_modules():
            if isinstance(layer, Norm) and _frozen(layer):
                self._look(number, name, layer, call.root.module)

    def _look(self, phase: int, name: str, layer: Any, root: nn.Module) -> None:
        key = (phase, id(layer))
        mean = layer.running_mean.detach()
        known = self.watched.get(key)
        if known is None:
            parameters = list(root.parameters())
            frozen = sum(p.numel() for p in parameters if not p.requires_grad)
            self.shares[phase] = frozen / max(sum(p.numel() for p in parameters), 1)
            before = layer.weight in self.session.modules.loaded or id(layer.weight) in self._trained()
            self.watched[key] = Watched(layer, name, mean.clone(), before)
            place = self.train_places.get(id(root)) or self._any_place(root)
            if place is not None:
                self.places.setdefault(phase, place)
            return
        gap = (mean - known.first).abs() / layer.running_var.detach().clamp_min(TINY).sqrt()
        known.moving = known.moving or (layer.training and bool(gap.max() > 0))
        known.drift = max(known.drift, float(gap.max()))

    def _any_place(self, root: nn.Module) -> Place | None:
        """Return the line that called train() on something inside the model or around it."""
        inside = {id(m) for m in root.modules()}
        return next((p for i, p in self.train_places.items() if i in inside), None)

    def _trained(self) -> set[int]:
        """Return the tensors that some earlier optimizer has trained."""
        return {i for p in self.session.phases for i, w in p.watched.items() if w.ratios and max(w.ratios) > 0}

    def facts(self) -> dict[str, Any]:
        """Return one row a phase with frozen batch-norm layers."""
        rows = []
        for phase in sorted({p for p, _ in self.watched}):
            mine = [w for (p, _), w in self.watched.items() if p == phase]
            moving = [w for w in mine if w.moving]
            rows.append(
                FrozenStatsFact(
                    phase,
                    layers=len(mine),
                    moving=len(moving),
                    frozen_share=self.shares[phase],
                    drift=max((w.drift for w in moving), default=0.0),
                    trained_before=any(w.trained_before for w in mine),
                    names=tuple(w.name for w in moving)[:NAMES_SHOWN],
                    place=self.places.get(phase),
                )
            )
        return {"frozen_stats": tuple(rows)}


def _frozen(layer: Any) -> bool:
    own = list(layer.parameters(recurse=False))
    return bool(own) and layer.running_mean is not None and not any(p.requires_grad for p in own)
