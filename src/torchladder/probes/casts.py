"""Conversions that lose the fractions of floats: labels that were meant to be shares or measurements."""

from typing import Any

import torch

from torchladder.core.facts import CastFact
from torchladder.probes.interceptor import Call
from torchladder.probes.tensors import describe

CASTS = {"long", "int", "to", "type", "short", "char", "byte", "bool", "type_as", "tensor", "as_tensor", "LongTensor"}
INTEGRAL = {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}
CASTS_KEPT = 20
LIST_MAX = 100_000  # items of a Python list that are looked at


def lossy_cast(call: Call) -> tuple[CastFact, torch.Tensor] | None:
    """Return what a call lost, with its result, when it turned fractional floats into integers."""
    out = call.out
    if not isinstance(out, torch.Tensor) or out.dtype not in INTEGRAL or not call.args:
        return None
    source = as_floats(call.args[0])
    if source is None or not source.is_floating_point() or source.numel() <= 1:
        return None
    before = describe(source, unique=True)
    if before.integral or call.place is None:
        return None
    fact = CastFact(call.place, call.name, source.numel(), before, describe(out, unique=True), reaches_target=False)
    return fact, out


def as_floats(source: Any) -> torch.Tensor | None:
    """Return a tensor, or numbers from outside torch as one; None for something else or very many."""
    if isinstance(source, torch.Tensor):
        return source
    if not isinstance(source, (list, tuple)) and not hasattr(source, "__array__"):
        return None
    try:
        return torch.as_tensor(source) if len(source) <= LIST_MAX else None
    except (TypeError, ValueError, RuntimeError):
        return None
