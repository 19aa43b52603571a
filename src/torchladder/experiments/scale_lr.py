"""The learning rate of every group is multiplied at each step, schedule and ratios kept."""

from typing import Any

import torch

from torchladder.probes.phases import Phase
from torchladder.probes.session import Session


def around_step(session: Session, new_lr: Any) -> None:
    """Let ``new_lr(group)`` be the LR during each step, and the program's own LR between steps."""
    kept: list[tuple[torch.optim.Optimizer, list[Any]]] = []

    def before(optimizer: torch.optim.Optimizer) -> None:
        kept.append((optimizer, [g["lr"] for g in optimizer.param_groups]))
        for g in optimizer.param_groups:
            g["lr"] = new_lr(g)

    def after(_phase: Phase | None) -> None:
        while kept:  # also of an optimizer that has no phase, since the program made too many
            optimizer, rates = kept.pop()
            for g, lr in zip(optimizer.param_groups, rates, strict=False):
                g["lr"] = lr

    session.optimizers.before_step.append(before)
    session.on_step.insert(0, after)


def apply(session: Session, args: dict[str, Any]) -> None:
    """``factor``."""
    around_step(session, lambda g: g["lr"] * args["factor"])
