"""Batch-norm layers whose weights are frozen run in evaluation mode."""

from typing import Any

from torch import nn

from torchladder.probes.modules import Root
from torchladder.probes.session import Session

Norm = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001 - the same for every layer
    """No arguments are needed."""

    def on_root(root: Root, given: Any) -> Any:
        for layer in root.module.modules():
            own = list(layer.parameters(recurse=False))
            if isinstance(layer, Norm) and own and not any(p.requires_grad for p in own):
                layer.training = False
        return given

    session.modules.on_root.append(on_root)
