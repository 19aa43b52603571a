"""Class weights are turned over: what weighed most weighs least, their mean unchanged."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class TurnedOver(AtSite):
    """Gives the loss call the reciprocal weights."""

    def change(self, call: Call) -> None:
        """Pass 1/w, with w's own mean."""
        weight = call.argument(2, "weight")
        if isinstance(weight, torch.Tensor):
            turned = 1 / weight.clamp_min(weight[weight > 0].min())
            call.replace(2, "weight", turned * (weight.mean() / turned.mean()))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``."""
    listen(session, TurnedOver(session, args))
