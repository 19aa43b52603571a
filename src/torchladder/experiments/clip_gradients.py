"""Gradients are scaled down to a largest norm before each step, all together."""

from typing import Any

import torch

from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``max_norm``."""

    def before(optimizer: torch.optim.Optimizer) -> None:
        torch.nn.utils.clip_grad_norm_(held(optimizer), args["max_norm"])

    session.optimizers.before_step.insert(0, before)
