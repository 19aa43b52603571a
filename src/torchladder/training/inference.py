"""A recipe for data that somebody points at: task, label and a model from what lies there."""

from typing import Any

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.sets.open import open_set
from torchladder.sets.source import Columns
from torchladder.training.recipe import Augment, Data, Model, Optimizer, Recipe, Training

RATES = {Kind.IMAGES: 0.003, Kind.TEXT: 0.005, Kind.TABLE: 0.001, Kind.ARRAYS: 0.001}
EPOCHS = {Kind.IMAGES: 10, Kind.TEXT: 10, Kind.TABLE: 30, Kind.ARRAYS: 30}
SHIFT = 2  # pixels: small pictures stay readable


def inferred(name: str) -> Recipe:
    """Return a plain recipe for the data of a folder or a file.

    Raises:
        UsageError: If it holds nothing that is known, or no labels are found in it.
    """
    sides = open_set(name, Columns())
    source: Any = next((s for side, s in sides if side == "train"), sides[0][1])
    pictures = source.kind is Kind.IMAGES
    if pictures and source.columns.label is None:
        msg = f"no labels were found in {name}: pictures need a folder a class, or an array of labels beside them"
        raise UsageError(msg)
    return Recipe(
        data=Data(train=name),
        model=Model(depth=3 if pictures else 2),
        optimizer=Optimizer(lr=RATES[source.kind]),
        augment=Augment(shift=SHIFT) if pictures else Augment(),
        training=Training(epochs=EPOCHS[source.kind]),
    )
