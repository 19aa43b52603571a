"""What the program's own transforms do last to a picture: the mean and deviation that it is normalised with."""

from collections.abc import Iterator
from typing import Any

import numpy as np

HOLDERS = ("transform", "transforms", "tfms", "tf", "preprocess", "augment", "normalize", "normalise")
INNER = ("dataset", "datasets", *HOLDERS)
DEEP = 6  # holders within holders
CHANNELS_MAX = 4


def normalisation_of(data: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Return the (mean, std) per channel of the last transform of a data set that has both, None without one."""
    found = None
    for part in parts_of(data, DEEP, set()):
        pair = _pair(part)
        found = pair if pair is not None else found
    return found


def parts_of(holder: Any, deep: int, seen: set[int]) -> Iterator[Any]:
    """Yield the transforms that an object holds, in the order in which they are applied."""
    if holder is None or deep == 0 or id(holder) in seen:
        return
    seen.add(id(holder))
    if isinstance(holder, list | tuple):
        for one in holder[:50]:
            yield from parts_of(one, deep, seen)
        return
    yield holder
    attributes = getattr(holder, "__dict__", {})
    for name in INNER:
        if name in attributes:
            yield from parts_of(attributes[name], deep - 1, seen)
    modules = attributes.get("_modules")  # nn.Sequential of transforms
    if isinstance(modules, dict):
        yield from parts_of(list(modules.values()), deep - 1, seen)


def _pair(part: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    mean, std = getattr(part, "mean", None), getattr(part, "std", None)
    if mean is None or std is None or callable(mean) or callable(std):
        return None
    try:
        pair = tuple(np.atleast_1d(np.asarray(v, dtype=np.float64)).reshape(-1) for v in (mean, std))
    except (TypeError, ValueError):
        return None
    fits = len(pair[0]) == len(pair[1]) <= CHANNELS_MAX and bool(np.isfinite(pair).all()) and bool((pair[1] > 0).all())
    return (pair[0], pair[1]) if fits else None
