"""The two ways a loader is looked at in a process of its own: under a program's training, and made by a function."""

from typing import Any

import torch
from torch.utils.data import DataLoader

from torchladder.core.findings import Place
from torchladder.core.jsonable import to_json
from torchladder.feeding.look import Look
from torchladder.feeding.search import said
from torchladder.feeding.settings import length, samples
from torchladder.feeding.training import Training
from torchladder.runner.control import Control
from torchladder.runner.place import user_place

_taken: "list[Made]" = []


def training(control: Control, options: dict[str, Any]) -> Training:
    """Time the loaders of a program while it trains."""
    experiment = Training(control, options["budget"])
    experiment.install()
    return experiment


def made(control: Control, options: dict[str, Any]) -> "Made":
    """Wait for the loaders that a function of the user's makes."""
    experiment = Made(control, options["budget"])
    experiment.install()
    _taken[:] = [experiment]
    return experiment


def take(given: Any) -> None:
    """Time what the function has made, and end."""
    _taken[0].take(given)


class Made:
    """The experiment with a function: no program, no training."""

    def __init__(self, control: Control, budget: float) -> None:
        self.control, self.budget = control, budget
        self.created: dict[int, Place | None] = {}
        self.looks: list[Look] = []
        self.failed: str | None = None
        self.odd: str | None = None

    def install(self) -> None:
        """Note where loaders are made."""
        original = DataLoader.__init__

        def init(loader: Any, *args: Any, **kwargs: Any) -> None:
            self.created[id(loader)] = user_place()
            original(loader, *args, **kwargs)

        DataLoader.__init__ = init  # type: ignore[assignment,method-assign]

    def take(self, given: Any) -> None:
        """Time the loaders, the first of them closely."""
        loaders = loaders_in(given)
        if not loaders:
            self.odd = type(given).__name__
            self.control.stop("odd")
        self.looks = [Look(x, self.created.get(id(x))) for x in loaders]
        try:
            share = 1.0 if len(self.looks) == 1 else 0.7
            self._first(self.looks[0], share * self.budget)
            for look in self.looks[1:]:
                look.measure_alone((1 - share) * self.budget / (len(self.looks) - 1))
        except Exception as error:
            self.failed = said(error)
        self.control.stop("done")

    def _first(self, look: Look, budget: float) -> None:
        look.measure_alone(budget)
        if any(p.batches for p in look.passes):
            for _ in look.tried(0.6 * budget, "alone", length(look.loader)):
                pass

    def collect(self) -> dict[str, Any]:
        """Return what is known by now."""
        return {
            "feeding": to_json([look.fact() for look in self.looks]),
            "transfers": to_json([look.transfer for look in self.looks if look.transfer is not None]),
            "gpu": torch.cuda.is_available(),
            "samples": [samples(look.loader) for look in self.looks],
            "drops": [bool(look.loader.drop_last) for look in self.looks],
            "failed": self.failed,
            "odd": self.odd,
        }


def loaders_in(given: Any) -> list[Any]:
    """Return the DataLoaders in what a function gave: one, several in a tuple, or by name."""
    if isinstance(given, DataLoader):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    return [x for x in given if isinstance(x, DataLoader)] if isinstance(given, list | tuple) else []
