"""Recurrent layers begin each training step without the state of the step before."""

from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from torchladder.probes.modules import Root
from torchladder.probes.session import Session
from torchladder.probes.tensors import map_tensors


def apply(session: Session, args: dict[str, Any]) -> None:
    """``layer`` is the class of the layer, ``whole`` whether the model itself is given the state."""
    begun: dict[int, int] = {}

    def emptied(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if begun.get(id(module)) == session.steps or not torch.is_grad_enabled():
            return None
        begun[id(module)] = session.steps
        return (given[0], *map_tensors(list(given[1:]), torch.zeros_like))

    def enter(module: nn.Module, given: Any) -> Any:
        if type(module).__name__ == args.get("layer") and len(given) > 1:
            return emptied(module, given)
        return None

    def on_root(root: Root, given: Any) -> Any:
        return (len(given) > 1 and emptied(root.module, given)) or given

    if args.get("whole"):
        session.modules.on_root.append(on_root)
    else:
        register_module_forward_pre_hook(enter)
