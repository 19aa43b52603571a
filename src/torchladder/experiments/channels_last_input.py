"""Pictures at the model's entry are read with the channels last, and moved to where they belong."""

from typing import Any

import torch

from torchladder.probes.modules import Root
from torchladder.probes.session import Session
from torchladder.probes.tensors import map_tensors

PICTURES = 4  # dimensions


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""

    def reread(t: torch.Tensor) -> torch.Tensor:
        if t.dim() != PICTURES or not t.is_floating_point() or t.requires_grad:
            return t
        n, c, h, w = t.shape
        return t.reshape(n, h, w, c).permute(0, 3, 1, 2).contiguous()

    def on_root(root: Root, given: Any) -> Any:
        del root
        return map_tensors(given, reread)

    session.modules.on_root.append(on_root)
