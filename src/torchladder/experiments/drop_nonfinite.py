"""NaN and Inf in inputs and targets become 0."""

from typing import Any

import torch

from torchladder.experiments.sites import listen
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LOSSES
from torchladder.probes.modules import Root
from torchladder.probes.session import Session
from torchladder.probes.tensors import map_tensors


def _clean(t: torch.Tensor) -> torch.Tensor:
    if not t.is_floating_point() or t.requires_grad:
        return t
    return torch.nan_to_num(t, nan=0.0, posinf=0.0, neginf=0.0)


class CleanTargets:
    """Cleans the data operands of loss calls."""

    def before(self, call: Call) -> None:
        """Clean them."""
        if call.name in LOSSES:
            call.args = map_tensors(call.args, _clean)

    def after(self, call: Call) -> None:
        """Nothing after."""


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""

    def on_root(root: Root, given: Any) -> Any:
        del root
        return map_tensors(given, _clean)

    session.modules.on_root.append(on_root)
    listen(session, CleanTargets())
