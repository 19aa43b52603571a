"""Objects that were made before anybody looked: which of their weights are as torch first drew them.

Of a live model it is not known whether it was loaded, trained or just made. Weights that look exactly
like torch's own initialisation count as fresh; of all others nothing is claimed.
"""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torchladder.probes.session import Session

FEW = 16  # values below which a range shows nothing
REACH = 0.8  # share of the range that the largest of so many uniform values passes but by chance
SPREAD = 0.35  # relative distance of a small sample's deviation from that of the distribution


def adopt(session: "Session", optimizers: list[Any], modules: list[nn.Module]) -> None:
    """Let a session know objects that exist already, as if they had been made under its eyes."""
    for optimizer in optimizers:
        session.optimizers.adopt(optimizer)
    stepped = {id(p) for o in optimizers for p in getattr(o, "state", ())}
    for root in modules:
        for module in root.modules():
            for p in module.parameters(recurse=False):
                if id(p) in stepped or not _as_first_drawn(module, p.detach()):
                    session.modules.loaded.add(p)


def _as_first_drawn(module: nn.Module, p: torch.Tensor) -> bool:
    """Tell whether a parameter's values are those of its layer's default initialisation."""
    if p.numel() == 0 or not p.is_floating_point():
        return False
    low, high = float(p.min()), float(p.max())
    if low == high:
        return low in {0.0, 1.0}  # biases of zero, scales of one
    if isinstance(module, nn.Embedding):
        return p.numel() >= FEW and _near(p, 1.0) and abs(float(p.mean())) < SPREAD
    bound = _bound(module)
    if bound is None or max(-low, high) > bound * (1 + 1e-5):
        return False
    return p.numel() < FEW or (max(-low, high) > REACH * bound and _near(p, bound / math.sqrt(3)))


def _bound(module: nn.Module) -> float | None:
    """Return the end of the uniform range from which torch draws a layer's weights and biases."""
    if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)):  # noqa: SLF001 - no public base
        fan_in = module.weight[0].numel() if not getattr(module, "transposed", False) else module.weight[:, 0].numel()
        return 1 / math.sqrt(max(fan_in, 1))
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return 1 / math.sqrt(max(module.hidden_size, 1))
    return None


def _near(p: torch.Tensor, deviation: float) -> bool:
    return abs(float(p.double().std()) / deviation - 1) < SPREAD
