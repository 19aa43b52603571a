"""A live model left exactly as it was, whatever is asked of it in between."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

TINY = 1e-12


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the largest difference of two tensors over the largest value of the first."""
    if a.numel() == 0:
        return 0.0
    gap, scale = (a.double() - b.double()).abs().max(), a.double().abs().max()
    return float(gap / scale.clamp_min(TINY))


@contextlib.contextmanager
def untouched(module: nn.Module, moved: list[bool]) -> Iterator[None]:
    """Leave a model's buffers, modes and attributes, and every random generator, as they were.

    ``moved`` is told of each buffer whether it changed in between.
    """
    kept = [(m, dict(vars(m))) for m in module.modules()]
    tables = [(table, dict(table)) for m in module.modules() for table in (m._buffers,)]  # noqa: SLF001
    buffers = [(b, b.detach().clone()) for b in module.buffers()]
    states = (torch.get_rng_state(), random.getstate(), np.random.get_state())  # noqa: NPY002 - the program's own
    up = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.get_rng_state_all() if up else None
    try:
        yield
    finally:
        for m, attributes in kept:
            vars(m).clear()
            vars(m).update(attributes)
        for table, entries in tables:
            table.clear()
            table.update(entries)
        for b, before in buffers:
            moved.append(not torch.equal(b, before))
            b.copy_(before)
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])  # noqa: NPY002
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
