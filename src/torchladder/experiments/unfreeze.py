"""Parameters get requires_grad and a place in the optimizer."""

from typing import Any

from torch import nn

from torchladder.experiments.at_start import named, once
from torchladder.probes.optimizers import held
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``names`` (all parameters when empty)."""

    def act(root: nn.Module) -> None:
        chosen = named(root, args["names"]) if args.get("names") else list(root.named_parameters())
        optimizer = session.optimizers.most_recent()
        known = {id(p) for p in held(optimizer)} if optimizer is not None else set()
        fresh = []
        for _, p in chosen:
            p.requires_grad_(True)
            if id(p) not in known:
                fresh.append(p)
        if optimizer is not None and fresh:
            optimizer.add_param_group({"params": fresh})

    once(session, args.get("phase") or 0, act)
