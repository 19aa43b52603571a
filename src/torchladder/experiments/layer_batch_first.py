"""Recurrent and attention layers read axis 0 as the batch."""

from typing import Any

from torch import nn

from torchladder.experiments.at_start import once
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``module``: the layer, or what holds it."""

    def act(root: nn.Module) -> None:
        holder = dict(root.named_modules()).get(args.get("module") or "")
        for layer in holder.modules() if holder is not None else ():
            if vars(layer).get("batch_first") is False:
                vars(layer)["batch_first"] = True

    once(session, args.get("phase") or 0, act)
