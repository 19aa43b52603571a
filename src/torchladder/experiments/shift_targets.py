"""Class indices moved along the sequence, where the loss is called; positions left without one are ignored."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session

IGNORED = -100  # torch's own ignore_index


class Shift(AtSite):
    """Gives each position the target of the one ``by`` positions on."""

    def change(self, call: Call) -> None:
        """Move the targets of one call."""
        target = call.argument(1, "target")
        length, by, axis = self.args["length"], self.args["by"], self.args.get("axis", 1)
        if target.is_floating_point() or target.numel() % length:
            return
        rows = target.reshape(-1, length) if axis else target.reshape(length, -1)
        moved = torch.full_like(rows, call.kwargs.get("ignore_index", IGNORED))
        kept = length - abs(by)
        moved.narrow(axis, max(-by, 0), kept).copy_(rows.narrow(axis, max(by, 0), kept))
        call.replace(1, "target", moved.reshape(target.shape))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``by``, ``length`` of a sequence of targets, ``axis`` of the time."""
    listen(session, Shift(session, args))
