"""Where data sets were made and where data was split: lines for findings about both sides."""

import functools
import sys
import weakref
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from torchladder.core.findings import Place
from torchladder.runner.place import user_place

PLACES = 20_000  # data sets remembered; more are made by a loop
SPLITS = ("train_test_split",)
# Functions that put one list into a random order; two lists given to two calls lose each other.
SHUFFLES = (("sklearn.utils", "shuffle"), ("numpy.random", "shuffle"), ("numpy.random", "permutation"))
SHUFFLED_KEPT = 8
NUMBERS_MAX = 20_000_000  # of a list that is copied before it is shuffled


class Splits:
    """Wraps ``Dataset.__new__`` and scikit-learn's splitting function, where it is loaded."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[weakref.ref[Any], Place]] = {}
        self.lines: list[Place] = []
        self.before: list[np.ndarray[Any, Any]] = []  # lists as they were before they were shuffled alone

    def install(self) -> None:
        """Begin to look."""
        before = vars(Dataset).get("__new__")

        def new(cls: type, *args: Any, **kwargs: Any) -> Any:
            if (args or kwargs) and cls.__init__ is object.__init__:  # type: ignore[misc]
                msg = f"{cls.__name__}() takes no arguments"  # as Python says where nobody defines __new__
                raise TypeError(msg)
            plain = super(Dataset, cls).__new__ if before is None else before.__func__  # type: ignore[misc]
            made = plain(cls) if plain is object.__new__ else plain(cls, *args, **kwargs)
            self._note(made)
            return made

        Dataset.__new__ = staticmethod(new)  # type: ignore[method-assign]
        module = sys.modules.get("sklearn.model_selection")
        for name in SPLITS if module is not None else ():
            setattr(module, name, self._watched(getattr(module, name)))
        for home, name in SHUFFLES:
            module = sys.modules.get(home)
            if module is not None:
                setattr(module, name, self._kept(getattr(module, name)))

    def made(self, data: Any) -> Place | None:
        """Return the line that made a data set."""
        ref, place = self._made.get(id(data), (None, None))
        return place if ref is not None and ref() is data else None

    def _note(self, made: Any) -> None:
        place = user_place(2)
        if place is None or len(self._made) >= PLACES:
            return
        try:
            self._made[id(made)] = (weakref.ref(made), place)
        except TypeError:  # a class with slots has no weak references
            return

    def _kept(self, shuffle: Any) -> Any:
        @functools.wraps(shuffle)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            place = user_place()
            if place is not None and len(args) == 1 and len(self.before) < SHUFFLED_KEPT:
                self._keep(args[0], place)
            return shuffle(*args, **kwargs)

        return wrapper

    def _keep(self, given: Any, place: Place) -> None:
        """Keep a list of samples or labels as it is, and the line that is about to shuffle it."""
        if isinstance(given, np.ndarray) and given.ndim and given.dtype.kind in "fiub" and given.size <= NUMBERS_MAX:
            self.before.append(given.astype(np.float32) if given.dtype.kind == "f" else given.copy())
            if place not in self.lines:
                self.lines.append(place)

    def _watched(self, split: Any) -> Any:
        @functools.wraps(split)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            place = user_place()
            if place is not None and place not in self.lines:
                self.lines.append(place)
            return split(*args, **kwargs)

        return wrapper
