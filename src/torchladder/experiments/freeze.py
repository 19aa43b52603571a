"""Parameters stop requiring grad."""

from typing import Any

from torch import nn

from torchladder.experiments.at_start import named, once
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``names``."""

    def act(root: nn.Module) -> None:
        for _, p in named(root, args["names"]):
            p.requires_grad_(False)
            p.grad = None

    once(session, args.get("phase") or 0, act)
