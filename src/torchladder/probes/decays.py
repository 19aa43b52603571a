"""Weight decay beside the gradient it is added to."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.step_facts import DecayFact
from torchladder.probes.guarded import guarded

if TYPE_CHECKING:
    from torchladder.probes.session import Session

RATIOS_KEPT = 8  # steps compared: later ones come near balance in any healthy run
DECOUPLED = {"AdamW", "SGDW", "Lion", "Lamb", "AdaBelief", "NAdamW", "AdamWScheduleFree", "LARS"}


@dataclass
class Weighed:
    """One optimizer's decay so far."""

    ratios: list[float] = field(default_factory=list)
    first: float | None = None
    last: float = 0.0
    shrink: float = 0.0
    decay: float = 0.0


def is_decoupled(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether decay multiplies the weights instead of joining the gradient."""
    said = any(g.get("decoupled_weight_decay") for g in optimizer.param_groups)
    return said or type(optimizer).__name__ in DECOUPLED


class Decays:
    """Looks before each dense step of an optimizer with weight decay."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[torch.optim.Optimizer, Weighed] = {}

    def install(self) -> None:
        """Start to look."""
        self.session.optimizers.before_step.append(guarded(self.session, "decays", self._look))

    def _look(self, optimizer: torch.optim.Optimizer) -> None:
        if self.session.dense and any(g.get("weight_decay") for g in optimizer.param_groups):
            self._weigh(optimizer)

    def _weigh(self, optimizer: torch.optim.Optimizer) -> None:
        decay = gradient = weights = n = 0.0
        for g in optimizer.param_groups:
            rate = float(g.get("weight_decay") or 0.0)
            for p in g["params"]:
                if rate == 0 or p.grad is None or p.grad.is_sparse:
                    continue
                norm = float(p.detach().double().norm())
                weights += norm**2
                decay += (rate * norm) ** 2
                gradient += float(p.grad.detach().double().norm()) ** 2
                n += p.numel()
        if weights == 0:
            return
        row = self.table.setdefault(optimizer, Weighed())
        # an adaptive step is about one learning rate for each weight, whatever the gradient
        against = n if is_decoupled(optimizer) else gradient
        if len(row.ratios) < RATIOS_KEPT and against > 0:
            row.ratios.append((decay / against) ** 0.5)
        row.first, row.last = row.first if row.first is not None else weights**0.5, weights**0.5
        row.decay = max(row.decay, *(float(g.get("weight_decay") or 0.0) for g in optimizer.param_groups))
        rates = (float(g.get("weight_decay") or 0.0) * float(g["lr"]) for g in optimizer.param_groups)
        row.shrink = max(row.shrink, *rates)

    def facts(self) -> dict[str, Any]:
        """Return one row an optimizer with decay."""
        phases = {id(p.optimizer): p.id for p in self.session.phases}
        return {
            "decays": tuple(
                DecayFact(phases[id(o)], w.decay, is_decoupled(o), tuple(w.ratios), w.shrink, w.first or 0.0, w.last)
                for o, w in self.table.items()
                if id(o) in phases
            )
        }
