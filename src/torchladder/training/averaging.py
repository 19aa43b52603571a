"""Averaged weights: an exponential moving average that is warm from the beginning.

The decay at update t is min(decay, (1 + t) / (10 + t)), as TensorFlow's ExponentialMovingAverage has it, so that the
random weights of the start are forgotten in short trainings, too.
"""

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def decay_at(decay: float, update: int) -> float:
    """Return the decay of update ``update``, counted from 0."""
    return min(decay, (1 + update) / (10 + update))


def averaged(module: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of a model's parameters and buffers; ``update_parameters`` takes a step in."""

    @torch.no_grad()
    def update(average: Any, current: Any, number: Any) -> None:
        if not average[0].is_floating_point():
            for a, c in zip(average, current, strict=True):
                a.copy_(c)
            return
        torch._foreach_lerp_(average, current, 1 - decay_at(decay, int(number)))

    return AveragedModel(module, multi_avg_fn=update, use_buffers=True)
