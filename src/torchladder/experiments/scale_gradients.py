"""Gradients are multiplied just before each step: by 1/k for sums of k micro-batches, by -1 to go the other way."""

from typing import Any

import torch

from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``factor``."""

    def before(optimizer: torch.optim.Optimizer) -> None:
        phase = session.phase_of(optimizer)
        if phase is None or phase.id != args["phase"]:
            return
        with torch.no_grad():
            for p in held(optimizer):
                if p.grad is not None:
                    p.grad.mul_(args["factor"])

    session.optimizers.before_step.append(before)
