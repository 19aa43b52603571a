"""A ReLU after given layers."""

from typing import Any

import torch
from torch import nn

from torchladder.experiments.at_start import once
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``modules``."""

    def act(root: nn.Module) -> None:
        table = dict(root.named_modules())
        for name in args["modules"]:
            if name in table:
                table[name].register_forward_hook(lambda _m, _a, out: torch.relu(out))

    once(session, args.get("phase") or 0, act)
