"""Direct questions to a model after a run: the last training batch again, with one thing changed.

Asked without grad and with the random state put back; the mode of every module and all buffers are
afterwards what they were, so that a live model does not notice.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.tensors import map_tensors, tensors_in

KEPT_MAX = 1 << 24  # numbers of a batch that are copied to be asked about later


def kept(call: RootCall) -> RootCall | None:
    """Return a call with data of its own, None where that would be large."""
    if sum(t.numel() for t in tensors_in((call.args, call.kwargs))) > KEPT_MAX:
        return None
    args, kwargs = (map_tensors(given, lambda t: t.detach().clone()) for given in (call.args, call.kwargs))
    return dataclasses.replace(call, args=args, kwargs=kwargs, output=None)


@contextlib.contextmanager
def asking(module: nn.Module, mode: Callable[[nn.Module], bool] = lambda _: False) -> Iterator[None]:
    """Put every module into ``mode`` (evaluation), and everything back at the end."""
    modes = [(m, m.training) for m in module.modules()]
    buffers = [(b, b.detach().clone()) for b in module.buffers()]
    try:
        for m, _ in modes:
            m.training = mode(m)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for m, was in modes:
            m.training = was
        with torch.no_grad():
            for buffer, was_value in buffers:
                buffer.copy_(was_value)


def answer(call: RootCall, change: Callable[[torch.Tensor], Any] = lambda t: t) -> torch.Tensor | None:
    """Return the model's output for a call whose tensors are changed; raises whatever the model raises."""
    torch.manual_seed(0)
    out = call.root.module(*map_tensors(call.args, change), **map_tensors(call.kwargs, change))
    found = first_output(out)
    return None if found is None else found.detach().clone()
