"""Arrays inside objects: which of them are parameters, and where their gradients are kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchladder.gradients.problem import Tensor

DEEPEST = 8
BEFORE = ("d", "d_", "grad_", "grad", "g_", "g", "dL_d", "dLd", "dl_d", "nabla_", "delta_")
AFTER = ("_grad", "grad", "_gradient", "_g")
HELD = ("data", "value", "val", "array")  # of a parameter that is an object with its gradient beside it
SETS = ("grads", "gradients", "grad", "dparams", "dweights")
USUAL = re.compile(r"(w|b|u|v|weights?|bias(es)?|gamma|beta|scale|shift|kernels?)_?\w{0,3}", re.IGNORECASE)


@dataclass(frozen=True)
class Slot:
    """A place in an object that holds an array: an attribute, an entry of a dictionary or of a list."""

    owner: Any
    key: Any
    path: tuple[Any, ...]

    def get(self) -> Any:
        """Return what is there, None where nothing is."""
        if isinstance(self.owner, dict | list):
            try:
                return self.owner[self.key]
            except (KeyError, IndexError):
                return None
        return getattr(self.owner, self.key, None)

    def put(self, value: Any) -> None:
        """Write it."""
        if isinstance(self.owner, dict | list):
            self.owner[self.key] = value
        else:
            setattr(self.owner, self.key, value)


def as_tensor(value: Any) -> Tensor | None:
    """Return a float64 array or tensor as a tensor on the same memory; None for anything else."""
    if isinstance(value, Tensor):
        return value.detach() if value.dtype == torch.float64 else None
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return torch.from_numpy(value)
    return None


def widened(value: Any) -> Any:
    """Return an array of floating-point numbers as one of float64 with memory of its own; None for anything else."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return np.array(value, dtype=np.float64)
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().to(torch.float64).clone()
    return None


def number(value: Any) -> Tensor | None:
    """Return any number, array or tensor as a float64 tensor of its own; None for anything else."""
    if isinstance(value, Tensor):
        return value.detach().to(torch.float64) if not value.is_complex() else None
    try:
        found = np.asarray(value)
    except ValueError:
        return None
    return torch.from_numpy(np.array(found, dtype=np.float64)) if found.dtype.kind in "fiub" else None


def slots(value: Any, path: tuple[Any, ...] = (), seen: set[int] | None = None) -> Iterator[Slot]:
    """Yield every place below an object that holds an array of floating-point numbers."""
    seen = set() if seen is None else seen
    if id(value) in seen or len(path) > DEEPEST:
        return
    seen.add(id(value))
    for key, part in _entries(value):
        if widened(part) is not None:
            if not isinstance(value, tuple):
                yield Slot(value, key, (*path, key))
        else:
            yield from slots(part, (*path, key), seen)


def layers(value: Any, path: tuple[Any, ...] = (), seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the objects below one that have a forward and a backward pass of their own, by dotted name."""
    seen = set() if seen is None else seen
    if id(value) in seen or len(path) > DEEPEST:
        return
    seen.add(id(value))
    for key, part in _entries(value):
        if is_layer(part):
            yield ".".join(map(str, (*path, key))), part
        yield from layers(part, (*path, key), seen)


def is_layer(value: Any) -> bool:
    """Tell whether a value has both passes."""
    if isinstance(value, torch.nn.Module | type):
        return False
    return callable(getattr(value, "forward", None)) and callable(getattr(value, "backward", None))


def _entries(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, type) or (callable(value) and not hasattr(value, "__dict__")):
        return []
    own = getattr(value, "__dict__", None)
    plain = isinstance(value, np.ndarray | Tensor | np.random.Generator) or type(value).__module__ == "builtins"
    return list(own.items()) if isinstance(own, dict) and not plain else []


def gradient_slot(root: Any, slot: Slot) -> Slot | None:
    """Return where the gradient of the array in a slot is kept, None where nothing looks like it."""
    names = [*(f"{p}{slot.key}" for p in BEFORE), *(f"{slot.key}{s}" for s in AFTER)]
    if slot.key in HELD:
        names = ["grad", "gradient", *names]
    if not isinstance(slot.owner, list):
        for name in names:
            other = Slot(slot.owner, name, ())
            if other.get() is not None:
                return other
    if len(slot.path) < 2 or not isinstance(slot.owner, dict | list):  # noqa: PLR2004 - a set has a holder
        return None
    holder, name = reached(root, slot.path[:-2]), slot.path[-2]
    for other_name in (*(f"{p}{name}" for p in BEFORE), *(f"{name}{s}" for s in (*AFTER, "_grads")), *SETS):
        group = Slot(holder, other_name, ()).get()
        if isinstance(group, dict):
            keys = [k for k in (slot.key, *names) if k in group]
            if keys:
                return Slot(group, keys[0], ())
        elif isinstance(group, list) and isinstance(slot.key, int) and slot.key < len(group):
            return Slot(group, slot.key, ())
    return None


def reached(root: Any, path: tuple[Any, ...]) -> Any:
    """Follow a path of keys and attributes."""
    for key in path:
        root = root[key] if isinstance(root, dict | list | tuple) else getattr(root, key)
    return root


def shown(slot: Slot, others: list[tuple[Any, ...]]) -> str:
    """Return the name of a parameter: without the dictionary that holds it where that is not needed."""
    path = slot.path[:-1] if slot.key in HELD and len(slot.path) > 1 else slot.path
    if isinstance(slot.owner, dict) and len(path) > 1 and isinstance(path[-1], str):
        short = (*path[:-2], path[-1])
        if sum((*p[:-2], p[-1]) == short for p in others if len(p) > 1) == 1:
            path = short
    return ".".join(map(str, path))
