"""Which modules an optimizer trains: found among the living objects, once, when it first steps."""

import gc
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

BUILTIN_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


@dataclass(frozen=True)
class Model:
    """An outermost module as the user wrote it; ``compiled`` when torch.compile runs it, or a part of it.

    ``outer`` is what it is wrapped in, itself when it is not.
    """

    module: nn.Module
    compiled: bool
    outer: nn.Module | None = None


def models_of(optimizer: torch.optim.Optimizer) -> list[Model]:
    """Return the outermost modules that hold parameters of an optimizer.

    Wrappers (DistributedDataParallel, DataParallel, compiled models) are looked through to what they wrap.
    """
    wanted = {id(p) for group in optimizer.param_groups for p in group["params"]}
    classes = _module_classes()
    living = [o for o in gc.get_objects() if type(o) in classes]
    found = [m for m in living if any(id(p) in wanted for p in m.parameters())]
    inside = {id(child) for m in found for child in m.modules() if child is not m}
    models: dict[int, Model] = {}
    for outermost in found:
        if id(outermost) not in inside:
            module, compiled = _unwrapped(outermost)
            models[id(module)] = Model(module, compiled, outermost)
    return list(models.values())


def _unwrapped(module: nn.Module) -> tuple[nn.Module, bool]:
    """Return the user's module inside wrappers, and whether one of them, or a layer, is compiled."""
    compiled = False
    for _ in range(8):
        inner: Any = getattr(module, "_orig_mod", None)
        compiled = compiled or inner is not None
        if inner is None and isinstance(module, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
            inner = module.module
        if not isinstance(inner, nn.Module):
            break
        module = inner
    layers = any(getattr(m, "_compiled_call_impl", None) is not None for m in module.modules())
    return module, compiled or layers


def _module_classes() -> set[type]:
    """Return every class of modules: objects are told by their type alone, asking them may run code of the user's."""
    classes: set[type] = set()
    waiting: list[type] = [nn.Module]
    while waiting:
        kind = waiting.pop()
        if kind not in classes:
            classes.add(kind)
            waiting += type.__subclasses__(kind)
    return classes.difference(BUILTIN_CONTAINERS)
