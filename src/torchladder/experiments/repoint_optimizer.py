"""The optimizer gets exactly the leaves that the loss reaches."""

from typing import Any

import torch

from torchladder.experiments.add_to_optimizer import reached_leaves
from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``; with ``since``, at the first pass from that step on that reaches none of its tensors."""
    done = False
    since = args.get("since") or 0

    def repoint(loss: torch.Tensor | None) -> None:
        nonlocal done
        optimizer = session.optimizers.most_recent()
        late = len(session.phases) + session.optimizers.unstepped() <= (args.get("phase") or 0)
        if done or optimizer is None or late or session.steps < since:
            return
        leaves = reached_leaves(loss)
        if since and {id(t) for t in leaves} & {id(t) for t in held(optimizer)}:
            return
        if leaves:
            done = True
            for t in leaves:
                t.grad = None
            optimizer.param_groups[0]["params"] = leaves
            for group in optimizer.param_groups[1:]:
                group["params"] = []

    session.backward.before.append(repoint)
