"""A live program: objects that exist in this process, run as experiments in copies of it.

A fork copies every object for nothing, and whatever the copy does, the original stays as it was. Where
this process cannot be forked (CUDA is up) the objects travel to a fresh interpreter by pickle.
"""

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from torchladder.core.errors import UsageError
from torchladder.runner import isolation, loop, place, trainers
from torchladder.runner.control import Control
from torchladder.runner.target import Target

PICKLE = "objects.pkl"
ONE_BATCH = "same_batch"  # the experiment that has no epochs
ENDLESS = (ONE_BATCH, "lr_sweep", "subset")  # experiments that end themselves, after more steps than a user may plan
_live: dict[str, "loop.Objects | trainers.Fit"] = {}


class Adopting(Protocol):
    """A collector that can be told of objects made before it began to look."""

    def adopt(self, optimizers: list[Any], modules: list[Any]) -> None:
        """Watch these as if they had been made now."""


def register(name: str, parts: "loop.Objects | trainers.Fit") -> Target:
    """Return the target that stands for these objects, until ``forget``."""
    _live[name] = parts
    return Target("objects", name, (), str(Path.cwd()))


def forget(target: Target) -> None:
    """Let go of a target's objects."""
    _live.pop(target.name, None)


def prepared(target: Target, control: Control, entry: str) -> Callable[[], None]:
    """Return the function that trains the target's objects in this process, a copy, once it is cut loose."""
    parts = _live[target.name]
    optimizers, modules = list(optimizers_of(parts)), list(modules_of(parts))
    isolation.cut_loose(control.scratch, optimizers, modules, loaders_of(parts))
    session = getattr(control.collector, "session", control.collector)
    if hasattr(session, "adopt"):
        cast("Adopting", session).adopt(optimizers, modules)
    experiment = entry.rpartition(":")[2]
    endless = experiment in ENDLESS
    if isinstance(parts, trainers.Fit):
        return lambda: trainers.train(parts, endless=endless)
    return lambda: loop.train(parts, endless=endless, one_epoch=experiment == ONE_BATCH)


def optimizers_of(parts: "loop.Objects | trainers.Fit") -> Iterator[Any]:
    """Yield the optimizers that exist already."""
    if isinstance(parts, loop.Objects):
        yield parts.optimizer
    else:
        yield from trainers.optimizers_of(parts.trainer)


def modules_of(parts: "loop.Objects | trainers.Fit") -> Iterator[Any]:
    """Yield the modules that exist already."""
    held = [parts.model, getattr(parts, "loss_fn", None), getattr(getattr(parts, "trainer", None), "model", None)]
    yield from (m for m in held if hasattr(m, "parameters") and hasattr(m, "buffers"))


def loaders_of(parts: "loop.Objects | trainers.Fit") -> Iterator[Any]:
    """Yield the loaders that exist already."""
    yield from (x for x in (parts.train_loader, parts.val_loader) if x is not None)


@contextlib.contextmanager
def generators_as_they_were() -> Iterator[None]:
    """Put the random generators back to where they are now."""
    state = _generators()
    try:
        yield
    finally:
        _restore_generators(state)


def _generators() -> tuple[Any, ...]:
    import numpy as np
    import torch

    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - the program's own


def _restore_generators(state: tuple[Any, ...]) -> None:
    import numpy as np
    import torch

    plain, numbers, bits = state
    random.setstate(plain)
    np.random.set_state(numbers)  # noqa: NPY002 - the program's own
    torch.set_rng_state(bits)


def dump(target: Target, scratch: str) -> None:
    """Write a target's objects and the state of the generators for an interpreter of its own.

    Raises:
        UsageError: If something among them cannot be pickled.
    """
    # Classes and functions written in a notebook travel by value, which plain pickle cannot do.
    import cloudpickle

    try:
        content = cloudpickle.dumps((_live[target.name], _generators(), place.user_place()))
    except Exception as error:
        msg = (
            "CUDA is in use in this process, so that it cannot be forked, and the objects cannot be sent to another: "
            f"{error}; climb the same program as a script or a notebook file"
        )
        raise UsageError(msg) from error
    Path(scratch, PICKLE).write_bytes(content)


def restore(target: Target, scratch: str) -> None:
    """Read in a fresh interpreter what ``dump`` wrote."""
    import pickle

    with open(os.path.join(scratch, PICKLE), "rb") as file:
        _live[target.name], state, caller = pickle.load(file)
    place.set_caller(caller)
    _restore_generators(state)
