"""A tensor as a fact: shape, range, moments. Statistics are computed on a sample of large tensors."""

from collections.abc import Iterator
from typing import Any

import torch

from torchladder.core.facts import TensorFact

SAMPLE = 1 << 20  # values; beyond it the moments of a strided sample are within 1 % of the whole
UNIQUE_MAX = 1000
MATRIX = 2  # dimensions


def tensors_in(value: Any, depth: int = 4) -> Iterator[torch.Tensor]:
    """Yield the tensors inside nested lists, tuples, dicts and simple objects, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif depth <= 0:
        return
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from tensors_in(v, depth - 1)
    elif isinstance(value, dict):
        for v in value.values():
            yield from tensors_in(v, depth - 1)
    elif hasattr(value, "__dataclass_fields__") or hasattr(value, "to_tuple"):
        yield from tensors_in(vars(value), depth - 1)


def map_tensors(value: Any, change: Any, depth: int = 4) -> Any:
    """Return ``value`` with ``change`` applied to its tensors, containers rebuilt."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if depth > 0 and isinstance(value, (list, tuple)):
        parts = [map_tensors(v, change, depth - 1) for v in value]
        if isinstance(value, list):
            return parts
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if depth > 0 and type(value) is dict:
        return {k: map_tensors(v, change, depth - 1) for k, v in value.items()}
    return value


@torch.no_grad()
def describe(t: torch.Tensor, *, unique: bool = False) -> TensorFact:
    """Return the facts of one tensor. Cost: a few reductions and host syncs; read only."""
    base: dict[str, Any] = {
        "shape": tuple(t.shape),
        "dtype": str(t.dtype).removeprefix("torch."),
        "device": t.device.type,
        "requires_grad": t.requires_grad,
    }
    if t.numel() == 0 or t.is_complex() or t.layout != torch.strided or t.is_meta:
        return TensorFact(**base)
    flat = t.detach().reshape(-1)
    if flat.numel() > SAMPLE:
        flat = flat[:: flat.numel() // SAMPLE + 1]
    values = flat.double()
    finite = values[torch.isfinite(values)]
    nan, inf = int(torch.isnan(values).sum()), int(torch.isinf(values).sum())
    if finite.numel() == 0:
        return TensorFact(**base, n_nan=nan, n_inf=inf)
    n_unique = None
    if unique or not t.is_floating_point():
        n = int(torch.unique(finite).numel())
        n_unique = n if n <= UNIQUE_MAX else None
    return TensorFact(
        **base,
        min=float(finite.min()),
        max=float(finite.max()),
        mean=float(finite.mean()),
        std=float(finite.std(unbiased=False)),
        n_nan=nan,
        n_inf=inf,
        integral=bool((finite == finite.round()).all()),
        n_unique=n_unique,
        **_columns(t),
    )


def _columns(t: torch.Tensor) -> dict[str, Any]:
    """Return per-feature scales of an (N, F) float tensor and row sums of any float matrix."""
    if not t.is_floating_point() or t.dim() < MATRIX or t.numel() > SAMPLE or not bool(torch.isfinite(t).all()):
        return {}
    x = t.detach().double()
    sums = x.sum(-1)
    out = {"row_sum": float(sums.mean()), "row_sum_spread": float((sums - sums.mean()).abs().max())}
    if t.dim() == MATRIX and t.shape[0] > 1:
        std = x.std(0, unbiased=False)
        live = std[std > 0]
        if live.numel() > 1:
            out["feature_scale_ratio"] = float(live.max() / live.min())
        out["feature_mean_max"] = float(x.mean(0).abs().max())
    return out


def same_values(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Tell whether two tensors hold the same values (NaN equals NaN is not assumed)."""
    if a is b:
        return True
    return a.shape == b.shape and a.device == b.device and bool(torch.eq(a, b).all()) if a.dtype == b.dtype else False
