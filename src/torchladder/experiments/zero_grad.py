"""Gradients are cleared before the first backward pass after each step."""

from typing import Any

import torch

from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001 - the same for every phase
    """No arguments are needed: clearing what is already clear changes nothing."""

    def clear(loss: torch.Tensor | None) -> None:
        del loss
        for optimizer, life in session.optimizers.lives.items():
            if life.passes_now == 0:
                for p in held(optimizer):
                    p.grad = None
        if not session.optimizers.seen:
            for p in session.hand_leaves():
                p.grad = None

    session.backward.before.append(clear)
