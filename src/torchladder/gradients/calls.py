"""How hand-written passes are called: what a forward pass returns beside its output, what a backward pass asks for."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchladder.gradients.arrays import number
from torchladder.gradients.problem import Refused, Tensor

UPSTREAM = ("dout", "grad", "upstream", "delta", "dy", "dz", "dl", "dloss", "d_", "g", "cotangent", "dvalues", "err")
CACHE = ("cache", "ctx", "saved", "memory", "context", "tape")


@dataclass(frozen=True, slots=True)
class Passed:
    """What a forward pass returned: the output, and what it hands to the backward pass."""

    output: Any
    cache: Any = None
    cached: bool = False


def positional(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters that can be given by position."""
    try:
        found = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in found if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]


def required(call: Callable[..., Any]) -> list[str]:
    """Return the names of those without a default."""
    return [p.name for p in positional(call) if p.default is p.empty]


def is_cache(name: str) -> bool:
    """Tell whether an argument's name is that of what a forward pass has kept."""
    return name.lower().lstrip("_").startswith(CACHE)


def is_upstream(name: str) -> bool:
    """Tell whether an argument's name is that of the gradient that comes from above."""
    low = name.lower()
    return low.startswith(UPSTREAM) or (low.startswith("d") and len(low) <= 3)  # noqa: PLR2004 - dA, dy1


def passed(result: Any, backward: Callable[..., Any], n_args: int) -> Passed:
    """Take the result of a forward pass apart."""
    names = required(backward)
    if isinstance(result, tuple) and len(result) > 1:
        wants = any(map(is_cache, names)) or (len(names) == 2 and n_args != 2)  # noqa: PLR2004 - output and cache
        if wants:
            return Passed(result[0], result[1] if len(result) == 2 else result[1:], cached=True)  # noqa: PLR2004
    return Passed(result)


def asks_for_upstream(backward: Callable[..., Any], args: Sequence[Any], *, cached: bool, method: bool) -> bool:
    """Tell whether a backward pass is given the gradient of what follows it."""
    names = required(backward) or [p.name for p in positional(backward)]
    if not names:
        return False
    if cached or method:
        return True
    return (
        len(names) == len(args) + 1
        or (is_upstream(names[0]) and len(names) != len(args))
        or (len(names) == len(args) == 1 and is_upstream(names[0]))
    )


def called(backward: Callable[..., Any], upstream: Any, seen: Passed, args: Sequence[Any], *, method: bool) -> Any:
    """Call a backward pass with what it asks for."""
    names = required(backward)
    if not asks_for_upstream(backward, args, cached=seen.cached, method=method):
        return backward() if not positional(backward) else backward(*args)
    if seen.cached and names:
        if len(names) == 1:
            return backward(seen.cache if is_cache(names[0]) else upstream)
        return backward(seen.cache, upstream) if is_cache(names[0]) else backward(upstream, seen.cache)
    if len(names) == len(args) + 1:
        return backward(upstream, *args)
    return backward(upstream)


def upstream_like(output: Any, cotangent: Tensor) -> Any:
    """Return a cotangent in the form of an output: array, tensor or number."""
    if isinstance(output, Tensor):
        return cotangent.reshape(output.shape).clone()
    array = cotangent.numpy().copy().reshape(np.shape(output))
    return array if isinstance(output, np.ndarray) and output.ndim else float(array)


def pulled_back(given: Tensor, output: Tensor, cotangent: Tensor, shape: torch.Size) -> Tensor | None:
    """Return the gradient from a derivative function: an elementwise derivative, or a Jacobian; None for neither."""
    v = cotangent.reshape(output.shape)
    if output.numel() == 1:
        return given * v.reshape(())
    if given.shape == output.shape == shape:
        return given * v
    if given.shape == (*output.shape, *shape) or given.numel() == output.numel() * shape.numel():
        return (v.reshape(-1) @ given.reshape(output.numel(), -1)).reshape(shape)
    return None


def output_of(value: Any) -> Tensor:
    """Return an output as numbers; Refused where it is none."""
    found = number(value)
    if found is None:
        msg = f"the forward pass returns {type(value).__name__}, which is no array of numbers"
        raise Refused(msg)
    whole = isinstance(value, np.ndarray) and value.dtype.kind != "f"
    if whole or (isinstance(value, Tensor) and not value.is_floating_point()):
        msg = f"the output is {value.dtype}, which cannot be differentiated"
        raise Refused(msg)
    return found
