"""The hidden layers of a plain stack of linear layers become wider.

The parameters stay the same objects, so that the optimizer keeps them; they are drawn anew.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from torchladder.experiments.at_start import once
from torchladder.probes.session import Session


@torch.no_grad()
def widen(layers: list[nn.Linear], width: int) -> None:
    """Give every hidden side of a chain of linear layers at least ``width`` units."""
    for first, second in pairwise(layers):
        hidden = max(first.out_features, width)
        first.out_features = second.in_features = hidden
    for layer in layers:
        bound = 1 / math.sqrt(layer.in_features)
        layer.weight.data = layer.weight.new_empty(layer.out_features, layer.in_features).uniform_(-bound, bound)
        if layer.bias is not None:
            layer.bias.data = layer.bias.new_empty(layer.out_features).uniform_(-bound, bound)


def apply(session: Session, args: dict[str, Any]) -> None:
    """``phase``, ``modules`` in the order of the forward pass, ``width``."""

    def act(root: nn.Module) -> None:
        table = dict(root.named_modules())
        layers = [table.get(name) for name in args["modules"]]
        if all(isinstance(layer, nn.Linear) for layer in layers):
            widen([layer for layer in layers if isinstance(layer, nn.Linear)], args["width"])

    once(session, args.get("phase") or 0, act)
