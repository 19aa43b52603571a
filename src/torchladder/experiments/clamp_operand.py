"""The operand of log, sqrt or pow, or a denominator, is kept away from 0."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session

EPS = 1e-6
DIVISIONS = {"div", "truediv", "rtruediv", "true_divide", "divide"}


class Clamp(AtSite):
    """Clamps to at least ``eps``; a denominator keeps its sign."""

    def change(self, call: Call) -> None:
        """Clamp the operand that must not be 0."""
        eps = float(self.args.get("eps") or EPS)
        name = call.name.strip("_")
        if name in DIVISIONS:
            position = 0 if name == "rtruediv" else 1
            below = call.argument(position, "other")
            if isinstance(below, torch.Tensor):
                sign = torch.where(below < 0, -1.0, 1.0).to(below.dtype)
                call.replace(position, "other", torch.where(below.abs() < eps, eps * sign, below))
            return
        operand = call.argument(0, "input")
        if isinstance(operand, torch.Tensor) and operand.is_floating_point():
            if name in {"norm", "std", "vector_norm", "cdist"}:
                call.replace(0, "input", operand + eps)
            else:
                call.replace(0, "input", operand.clamp(min=eps))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``eps``."""
    listen(session, Clamp(session, args))
