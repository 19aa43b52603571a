"""Checksums of tensors, made on their device: equal bits give equal numbers, and nothing is waited for."""

from typing import Any

import torch

LEADING = 65_536  # elements of a batch that are looked at
DEPTH = 4  # of lists and dictionaries in a model's arguments
_WIDE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_EIGHT = 8
_A, _B = 0x1E3779B97F4A7C15, 0x3F58476D1CE4E5B9


def of_weights(t: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor's memory as 64-bit integers: exact, whatever the order of summation."""
    flat = _memory(t.detach())
    per = _EIGHT // flat.element_size()
    n = flat.numel() - flat.numel() % per
    if per == 1:
        return flat.view(torch.int64).sum()
    if flat.storage_offset() % per:  # not aligned to eight bytes
        flat = flat.clone()
    total = flat[:n].view(torch.int64).sum()
    if n < flat.numel():
        total = total + flat[n:].view(_WIDE[flat.element_size()]).sum(dtype=torch.int64)
    return total


def _memory(t: torch.Tensor) -> torch.Tensor:
    """Return a tensor's elements as they lie in memory, without a copy where they lie densely."""
    if t.is_complex():
        t = torch.view_as_real(t)
    strides = t.stride()
    t = t.permute(sorted(range(t.dim()), key=lambda d: -strides[d]))  # a view: channels last, transposed
    return t.view(-1) if t.is_contiguous() else t.reshape(-1)


def of_batch(t: torch.Tensor) -> torch.Tensor:
    """Return a checksum of the first elements of a tensor that depends on where each of them stands."""
    t = torch.view_as_real(t.detach()) if t.is_complex() else t.detach()
    if t.dim() > 1 and t.numel() > LEADING:
        t = t[: max(LEADING // max(t.numel() // t.shape[0], 1), 1)]
    flat = t.reshape(-1)[:LEADING]
    bits = flat.to(torch.uint8) if flat.dtype == torch.bool else flat.view(_WIDE[flat.element_size()])
    place = torch.arange(1, flat.numel() + 1, device=flat.device, dtype=torch.int64)
    x = (bits.to(torch.int64) + place * _A) * _B
    x = (x ^ (x >> 29)) * _A
    return (x ^ (x >> 32)).sum()


def tensors_in(value: Any, depth: int = DEPTH) -> list[torch.Tensor]:
    """Return the dense tensors inside a model's arguments, in their order."""
    if isinstance(value, torch.Tensor):
        return [value] if value.layout == torch.strided and value.numel() else []
    if depth == 0:
        return []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [t for part in value for t in tensors_in(part, depth - 1)]
    return []
