"""A set of tensors by identity. Ids are reused once a tensor dies, so that each entry is checked."""

import weakref

import torch


class Marks:
    """Tensors that something happened to."""

    def __init__(self) -> None:
        self._known: dict[int, weakref.ref[torch.Tensor]] = {}

    def add(self, t: torch.Tensor) -> None:
        """Mark a tensor."""
        self._known[id(t)] = weakref.ref(t)

    def __contains__(self, t: torch.Tensor) -> bool:
        """Tell whether this very tensor was marked."""
        ref = self._known.get(id(t))
        return ref is not None and ref() is t
