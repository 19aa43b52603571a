"""Square weights transposed once, before training."""

from typing import Any

import torch
from torch import nn

from torchladder.experiments.at_start import named, once
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``names``."""

    def act(root: nn.Module) -> None:
        with torch.no_grad():
            for _, p in named(root, args["names"]):
                p.copy_(p.T.clone())

    once(session, args.get("phase") or 0, act)
