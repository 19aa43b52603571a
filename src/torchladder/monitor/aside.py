"""A replay that the training does not notice: every module's state is set aside and comes back untouched.

Buffers and tensors that modules hold are replaced by copies for the time, so that the originals (and their version
counters, which the live graph depends on) are never written to.
"""

import contextlib
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn

CONTAINERS = (list, dict, set)
OF_TORCH = frozenset(vars(nn.Module()))  # attributes that torch keeps: parameters, children, hooks


@contextlib.contextmanager
def aside(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Keep modules' attributes and buffers, and the random generators, exactly as they are."""
    every = {id(m): m for root in modules for m in root.modules()}
    states = _random_states()
    kept = [(m, dict(vars(m)), dict(m._buffers)) for m in every.values()]  # noqa: SLF001 - no public way to swap them
    copies: dict[int, Any] = {}
    try:
        for m, attributes, buffers in kept:
            for name, value in attributes.items():
                if name in OF_TORCH:
                    continue
                vars(m)[name] = _copy(value, copies)
            for name, buffer in buffers.items():
                m._buffers[name] = _copy(buffer, copies)  # noqa: SLF001
        yield
    finally:
        for m, attributes, buffers in kept:
            vars(m).clear()
            vars(m).update(attributes)
            m._buffers.clear()  # noqa: SLF001
            m._buffers.update(buffers)  # noqa: SLF001
        _restore(states)


def _copy(value: Any, copies: dict[int, Any]) -> Any:
    """Return a copy of state that a forward pass may write to, the same one for the same object."""
    if isinstance(value, torch.Tensor):
        if isinstance(value, nn.Parameter) or value.requires_grad:
            return value
        if id(value) not in copies:
            copies[id(value)] = value.detach().clone()
        return copies[id(value)]
    if type(value) in CONTAINERS:
        if id(value) not in copies:
            copies[id(value)] = value.copy()
        return copies[id(value)]
    return value


def _random_states() -> tuple[Any, ...]:
    numpy = sys.modules.get("numpy")
    up = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return (
        torch.default_generator.get_state(),
        random.getstate(),
        numpy.random.get_state() if numpy is not None else None,
        torch.cuda.get_rng_state_all() if up else None,
    )


def _restore(states: tuple[Any, ...]) -> None:
    torch.default_generator.set_state(states[0])
    random.setstate(states[1])
    if states[2] is not None:
        sys.modules["numpy"].random.set_state(states[2])
    if states[3] is not None:
        torch.cuda.set_rng_state_all(states[3])
