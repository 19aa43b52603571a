"""Norms of gradients and weights, and how far a step moves the weights: a few fused reductions a sample.

The movement is measured on a slice of each tensor (a copy of all weights would double the model's memory), and compared
with the same slice's own norm.
"""

import math
from collections.abc import Sequence

import torch

SHARE = 32  # one element in so many is copied before a step
LEAST = 64  # elements of a small tensor that are copied all the same


def norms(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the L2 norm of each tensor as a 0-dim tensor on its device, by one multi-tensor kernel a device and dtype.

    Of a tensor that is spread over processes, that of the part here: nothing is asked of the others.
    Complex and sparse tensors are measured one by one.
    """
    tensors = [_here(t) for t in tensors]
    plain = [t for t in tensors if t.layout == torch.strided and not t.is_complex()]
    if len(plain) == len(tensors):
        found = torch._foreach_norm(list(tensors)) if tensors else ()  # noqa: SLF001 - what torch's own clipping uses
        return list(found)
    return [torch.linalg.vector_norm(t.coalesce().values() if t.is_sparse else t) for t in tensors]


def largest(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the largest absolute value of each tensor as a 0-dim tensor on its device, NaN where one is in it."""
    tensors = [_here(t) for t in tensors]
    plain = all(t.layout == torch.strided and not t.is_complex() and t.numel() for t in tensors)
    if plain and any(t.device.type != "cpu" for t in tensors):
        return list(torch._foreach_norm(list(tensors), math.inf))  # noqa: SLF001 - a tenth as fast on the CPU
    return [_top(t.coalesce().values() if t.is_sparse else t) for t in tensors]


def _top(t: torch.Tensor) -> torch.Tensor:
    if not t.numel():
        return torch.zeros((), device=t.device)
    least, most = torch.aminmax(t.abs() if t.is_complex() else t)
    return torch.maximum(most, -least)


class Movement:
    """Slices of weights before a step, to be compared with the same slices after it."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._views = [_part(_here(t)) for t in tensors]
        self._before = [v.clone() for v in self._views]

    def measure(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return, for each tensor, the norm of the slice's change and the norm of the slice before."""
        change = torch._foreach_sub(self._views, self._before)  # noqa: SLF001
        return norms(change), norms(self._before)


def _here(t: torch.Tensor) -> torch.Tensor:
    """Return the part of a tensor that this process holds."""
    return t if type(t) in {torch.Tensor, torch.nn.Parameter} else getattr(t, "to_local", lambda: t)()


def _part(t: torch.Tensor) -> torch.Tensor:
    """Return a view of the elements that stand for a tensor: every n-th row's worth, spread over it."""
    flat = t.detach().reshape(-1) if t.is_contiguous() else t.detach()
    if flat.dim() != 1:
        return flat[: max(flat.shape[0] // SHARE, 1)]
    wanted = max(flat.numel() // SHARE, min(flat.numel(), LEAST))
    return flat[:: stride(t, wanted)]


def stride(t: torch.Tensor, wanted: int) -> int:
    """Return every how many elements of a tensor to take for about so many, spread over all of its columns.

    A stride that divides the rows would take the same few columns of each, perhaps of inputs that are always 0.
    """
    found, row = max(t.numel() // max(wanted, 1), 1), math.prod(t.shape[1:])
    while math.gcd(found, row) > 1:
        found -= 1
    return found
