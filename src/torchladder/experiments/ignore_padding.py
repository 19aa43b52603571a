"""A sequence loss leaves out the positions at which the model's input is padded."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.paddings import padding
from torchladder.probes.session import Session
from torchladder.probes.tensors import tensors_in

IGNORED = -100


class IgnorePadding(AtSite):
    """Gives padded positions a target that the loss ignores."""

    def change(self, call: Call) -> None:
        """Replace the targets of one call, in the shape they have."""
        target = call.argument(1, "target")
        for made in self.session.pending.root_calls[-1:]:
            for t in tensors_in((made.args, made.kwargs)):
                padded = padding(t, t.shape[:2]) if t.dim() > 1 and t.shape[0] * t.shape[1] == target.numel() else None
                if padded is not None and padded[0].any():
                    with torch.no_grad():
                        call.replace(1, "target", target.masked_fill(padded[0].reshape(target.shape), IGNORED))
                        call.replace(4, "ignore_index", IGNORED)
                    return


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``."""
    listen(session, IgnorePadding(session, args))
