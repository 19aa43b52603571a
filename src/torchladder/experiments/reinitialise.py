"""Layers are initialised anew: Kaiming's uniform weights (torch's own default), zero biases.

Source: He et al. 2015, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852
"""

import math
from typing import Any

import torch
from torch import nn

from torchladder.experiments.add_to_optimizer import reached_leaves
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
    if not args.get("modules"):
        _renew_leaves(session)


def _renew_leaves(session: Session) -> None:
    """Initialise weights that belong to no module, after the first backward pass has gone through them."""
    waiting: list[torch.Tensor] = []
    done = False

    def before(loss: torch.Tensor | None) -> None:
        if not done:
            waiting[:] = [t for t in reached_leaves(loss) if t.dim() > 1 and not isinstance(t, nn.Parameter)]

    @torch.no_grad()
    def after(passed: object) -> None:
        nonlocal done
        del passed
        for t in waiting if not done else ():
            bound = 1 / math.sqrt(t.shape[0])  # hand-written layers are (in, out)
            t.uniform_(-bound, bound)
        done = True

    session.backward.before.append(before)
    session.backward.after.append(after)
