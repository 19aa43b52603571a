"""Going on: from every step the weights end bit for bit where the unbroken training ends."""

import copy
from pathlib import Path
from typing import Any

import pytest

from torchladder.checkpoints.checksum import of_tensors
from torchladder.checkpoints.randomness import seed_everything
from torchladder.checkpoints.store import NotSaved
from torchladder.core.errors import UsageError
from torchladder.training import recipe_file
from torchladder.training.loop import Loop
from torchladder.training.machine import machine
from torchladder.training.parts import parts_of
from torchladder.training.place import Listener
from torchladder.training.recipe import Recipe
from torchladder.training.sets_ready import fit_of, ready
from torchladder.training.sides import read_sides

LIVELY = ["batch_size=32", "accumulate=2", "epochs=2", "ema=0.9", "dropout=0.3", "checkpoint_steps=1"]


class Kept:
    """A store that keeps every checkpoint in memory."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def save(self, state: Any, *, step: int, best: bool = False) -> None:
        """Keep a state."""
        del step, best
        self.states.append(copy.deepcopy(state))


def loop_of(recipe: Recipe, store: Any) -> Loop:
    """Return a training as the verb makes it."""
    seed_everything(recipe.seed)
    data = ready(recipe, read_sides(recipe.data, fit_of(recipe)))
    return Loop(recipe, data, parts_of(recipe, data), machine(recipe.training), store, Listener())


@pytest.mark.parametrize(
    "changes",
    [["model=mlp", "mixup=0.2"], ["model=mlp", "optimizer=sgd", "patience=1", "balanced=1"]],
    ids=["adamw, mixup", "sgd, patience"],
)
def test_a_table_goes_on_from_every_step(table: Path, changes: list[str]) -> None:
    """Whatever the step, weights, averages, order, mixing and dropout go on as if nothing had been."""
    changes = ["sampler=balanced" if c == "balanced=1" else c for c in changes]
    recipe = recipe_file.changed(Recipe(), [f"train={table}", *LIVELY, *changes])
    _check_every_step(recipe)


def test_pictures_go_on_from_every_step(pictures: Path) -> None:
    """The same with pictures, whose augmentation depends on epoch and sample alone."""
    augment = ["mixup=0.2", "cutmix=1.0", "flip=true", "shift=1", "randaugment=5", "width=8"]
    recipe = recipe_file.changed(Recipe(), [f"train={pictures}", *LIVELY, *augment])
    _check_every_step(recipe)


def _check_every_step(recipe: Recipe) -> None:
    kept = Kept()
    whole = loop_of(recipe, kept)
    whole.run()
    expected = of_tensors(whole.bare.parameters()), of_tensors(whole.average.module.parameters())

    assert len(kept.states) > 6
    for state in kept.states:
        again = loop_of(recipe, Kept())
        again.resume(copy.deepcopy(state))
        again.run()
        assert (of_tensors(again.bare.parameters()), of_tensors(again.average.module.parameters())) == expected, state[
            "place"
        ]["step"]
        assert [r["val/loss"] for r in again.place.history] == [r["val/loss"] for r in whole.place.history]


def test_another_number_of_processes_is_refused(table: Path) -> None:
    """What two processes began is not continued exactly by one, and that is said."""
    recipe = recipe_file.changed(Recipe(), [f"train={table}", "epochs=1"])
    loop = loop_of(recipe, Kept())

    with pytest.raises(UsageError, match="made by 2 processes"):
        loop.resume(loop.state([None]) | {"processes": 2})


def test_a_full_disk_costs_a_checkpoint_and_not_the_training(table: Path) -> None:
    """What could not be saved is said, and the training ends as it would have."""

    class Full(Kept):
        """A store on a full disk."""

        def save(self, state: Any, *, step: int, best: bool = False) -> None:
            """Fail."""
            msg = "no space is left"
            raise NotSaved(msg)

    said: list[str] = []
    recipe = recipe_file.changed(Recipe(), [f"train={table}", "epochs=2"])
    whole = loop_of(recipe, Kept())
    whole.run()
    full = loop_of(recipe, Full())
    full.listener = Listener(say=said.append)
    full.run()

    assert said == ["torchladder: no space is left"] * 3
    assert of_tensors(full.bare.parameters()) == of_tensors(whole.bare.parameters())
