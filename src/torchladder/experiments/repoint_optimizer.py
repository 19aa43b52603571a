"""The optimizer gets exactly the leaves that the loss reaches."""

from typing import Any

import torch

from torchladder.experiments.add_to_optimizer import reached_leaves
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``."""
    done = False

    def repoint(loss: torch.Tensor | None) -> None:
        nonlocal done
        optimizer = session.optimizers.most_recent()
        late = len(session.phases) + session.optimizers.unstepped() <= (args.get("phase") or 0)
        if done or optimizer is None or late:
            return
        leaves = reached_leaves(loss)
        if leaves:
            done = True
            for t in leaves:
                t.grad = None
            optimizer.param_groups[0]["params"] = leaves
            for group in optimizer.param_groups[1:]:
                group["params"] = []

    session.backward.before.append(repoint)
