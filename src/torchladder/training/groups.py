"""Parameters by how they are to be trained: no decay on norms and biases, slower far from the head, or not at all."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from torchladder.training.recipe import Recipe


def freeze(module: nn.Module, head: Sequence[str]) -> list[nn.Module]:
    """Let nothing but the head learn; returns the parts that stay in evaluation mode."""
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(head)))
    owners = {name.rpartition(".")[0] for name, p in module.named_parameters() if p.requires_grad}
    return [
        part
        for name, part in module.named_modules()
        if name and not any(owner == name or owner.startswith(f"{name}.") for owner in owners)
    ]


def stages(module: nn.Module) -> dict[str, int]:
    """Return how many stages each parameter is away from the head, which is 0.

    A stage is a direct part of the model; parts of a sequence of blocks are a stage each.
    """
    prefixes: list[str] = []
    for name, part in module.named_children():
        blocks = isinstance(part, nn.Sequential | nn.ModuleList) and len(part) > 1
        inner = (
            [f"{name}.{n}." for n, p in part.named_children() if any(True for _ in p.parameters())] if blocks else []
        )
        prefixes += inner or ([f"{name}."] if any(True for _ in part.parameters()) else [])
    found = {}
    for name, _ in module.named_parameters():
        at = next((i for i, prefix in enumerate(prefixes) if name.startswith(prefix)), 0)
        found[name] = max(len(prefixes) - 1 - at, 0)
    return found


def groups(module: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the optimizer's groups; each has its own "base", the highest learning rate of its schedule."""
    o = recipe.optimizer
    away = stages(module) if o.layer_decay < 1 else {}
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = 0.0 if parameter.ndim <= 1 or name.endswith(".bias") else o.weight_decay
        rate = o.lr * o.layer_decay ** away.get(name, 0)
        found.setdefault((rate, decay), []).append(parameter)
    return [{"params": ps, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), ps in found.items()]


def optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe."""
    o = recipe.optimizer
    parts = groups(module, recipe)
    fused = _fused(parts)
    if o.name == "sgd":
        return torch.optim.SGD(parts, lr=o.lr, momentum=o.momentum, fused=fused)
    kind = torch.optim.AdamW if o.name == "adamw" else torch.optim.Adam
    return kind(parts, lr=o.lr, betas=(o.momentum, 0.999), fused=fused)


def _fused(parts: Sequence[dict[str, Any]]) -> bool:
    """Return whether each update can be one pass over memory, a third of the time on a CPU; not every device has it."""
    real = all(p.is_floating_point() for part in parts for p in part["params"])
    return real and (torch.cuda.is_available() or not torch.backends.mps.is_available())
