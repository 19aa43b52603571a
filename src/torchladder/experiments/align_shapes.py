"""The data operand of an element-wise operation gets the prediction's shape."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class AlignShapes(AtSite):
    """Reshapes where the number of values agrees and the shapes do not."""

    def change(self, call: Call) -> None:
        """Reshape the operand without gradient."""
        operands = [(i, t) for i, t in enumerate(call.args[:2]) if isinstance(t, torch.Tensor)]
        if len(operands) != 2:  # noqa: PLR2004 - two operands
            return
        (i, a), (j, b) = operands
        if a.shape == b.shape or a.numel() != b.numel() or a.requires_grad == b.requires_grad:
            return
        if a.requires_grad:
            call.replace(j, "target", b.reshape(a.shape))
        else:
            call.replace(i, "input", a.reshape(b.shape))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``."""
    listen(session, AlignShapes(session, args))
