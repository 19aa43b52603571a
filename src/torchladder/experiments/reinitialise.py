"""Layers are initialised anew: Kaiming's uniform weights (torch's own default), zero biases.

Source: He et al. 2015, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852
"""

import math
from typing import Any

import torch
from torch import nn

from torchladder.experiments.at_start import once
from torchladder.probes.session import Session


@torch.no_grad()
def renew(module: nn.Module) -> None:
    """Initialise the weights of one layer (and of the layers in it)."""
    for p in module.parameters():
        if p.dim() > 1:
            nn.init.kaiming_uniform_(p, a=math.sqrt(5))
    for m in module.modules():
        bias = getattr(m, "bias", None)
        if isinstance(bias, torch.Tensor) and not isinstance(m, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            bias.zero_()


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``modules`` (every layer with weights when empty)."""

    def act(root: nn.Module) -> None:
        if not args.get("modules"):
            renew(root)
            return
        table = dict(root.named_modules())
        for name in args["modules"]:
            if name in table:
                renew(table[name])

    once(session, args.get("phase") or 0, act)
