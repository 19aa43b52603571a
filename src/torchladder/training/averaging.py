"""Averaged weights: an exponential moving average that is warm from the beginning.

The decay at update t is min(decay, (1 + t) / (10 + t)), as TensorFlow's ExponentialMovingAverage has it, so that the
random weights of the start are forgotten in short trainings, too. torch's own AveragedModel counts on the device and
asks for the count in every step; here it is a plain number, and nothing waits.
"""

import copy
from typing import Any

import torch
from torch import nn


def decay_at(decay: float, update: int) -> float:
    """Return the decay of update ``update``, counted from 0."""
    return min(decay, (1 + update) / (10 + update))


class Average:
    """The moving average of a model's parameters and buffers; what is no fraction is copied.

    Attributes:
        module: The model with the averaged weights.
        updates: Steps taken in.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay, self.updates = copy.deepcopy(module), decay, 0
        self._own, self._model = _Tensors(self.module), _Tensors(module)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the model as it is."""
        (own, own_whole), (new, new_whole) = self._own.now(), self._model.now()
        if self.updates == 0:
            torch._foreach_copy_(own, new)
        else:
            torch._foreach_lerp_(own, new, 1 - decay_at(self.decay, self.updates))
        if own_whole:
            torch._foreach_copy_(own_whole, new_whole)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on."""
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.module.load_state_dict(state["module"])
        self.updates = state["updates"]


class _Tensors:
    """A model's parameters and buffers, found once; a buffer may be another tensor in each step."""

    def __init__(self, module: nn.Module) -> None:
        self._parameters = list(module.parameters())
        found = {}
        for part in module.modules():
            for name, buffer in part.named_buffers(recurse=False):
                found[id(buffer)] = (part._buffers, name)  # noqa: SLF001 - torch's own table
        self._buffers = list(found.values())

    def now(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the tensors of fractions, and the others."""
        tensors = [*self._parameters, *(b for table, name in self._buffers if (b := table[name]) is not None)]
        real = [t for t in tensors if t.is_floating_point()]
        return real, [t for t in tensors if not t.is_floating_point()]
