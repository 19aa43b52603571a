"""A recipe's data made ready for a model: sides read, labels coded, inputs shaped; fitted on training alone."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.training import pictures, tables, texts
from torchladder.training.held import Fit, brought
from torchladder.training.models import Own, Shape, own_look
from torchladder.training.pictures import Look, Pictures
from torchladder.training.recipe import Recipe
from torchladder.training.samples import Rows, Samples
from torchladder.training.sides import Raw, Sides
from torchladder.training.targets import Targets, fitted

PICTURE_AXES = 3


@dataclass
class Ready:
    """What is learnt from, ready to be loaded.

    Attributes:
        counts: Training samples of each class; None where labels are values.
        preparation: How inputs were made, as plain values, for whoever deploys the weights.
    """

    train: Samples
    val: Samples
    test: Samples | None
    targets: Targets
    shape: Shape
    counts: NDArray[np.int64] | None
    told: list[str]
    preparation: dict[str, Any] = field(default_factory=dict)


def ready(recipe: Recipe, sides: Sides) -> Ready:
    """Return the data of a recipe.

    Raises:
        UsageError: If a side does not fit the training side.
    """
    targets = fitted(sides.train.labels, classes=sides.classes, expected=recipe.data.classes)
    raws = {"train": sides.train, "held-out": sides.val, "test": sides.test}
    y = {role: targets.coded(raw.labels, role) for role, raw in raws.items() if raw is not None}
    kind = sides.train.kind
    for role, raw in raws.items():
        if raw is not None and raw.kind is not kind:
            msg = f"the {role} side is {raw.kind} where training is {kind}"
            raise UsageError(msg)
    if recipe.augment != type(recipe.augment)() and kind is not Kind.IMAGES:
        _check_augment(recipe, kind)
    make = {Kind.IMAGES: _pictures, Kind.TEXT: _texts, Kind.TABLE: _table, Kind.ARRAYS: _arrays}[kind]
    made, shape, words, preparation, told = make(recipe, {r: raw for r, raw in raws.items() if raw is not None}, y)
    counts = np.bincount(y["train"], minlength=len(targets.classes)) if targets.classes else None
    preparation |= {"kind": str(kind), "classes": list(targets.classes), "mean": targets.mean, "std": targets.std}
    full = Shape(kind, shape, targets.outputs, words)
    return Ready(made["train"], made["held-out"], made.get("test"), targets, full, counts, told, preparation)


def fit_of(recipe: Recipe) -> Fit:
    """Return what a recipe's pictures may be brought to as they are read."""
    own = own_look(recipe.model)
    side = recipe.data.size
    size = (side, side) if side is not None else own.size if own is not None else None
    return Fit(size, pictures.MARGIN if recipe.augment.crop < 1 else 1.0)


def _check_augment(recipe: Recipe, kind: Kind) -> None:
    plain = type(recipe.augment)()
    for name in ("flip", "shift", "crop", "randaugment"):
        if getattr(recipe.augment, name) != getattr(plain, name):
            msg = f"augment.{name} is for pictures, and this data is {kind}; remove it"
            raise UsageError(msg)


def _pictures(recipe: Recipe, raws: dict[str, Raw], y: dict[str, Any]) -> Any:
    own = own_look(recipe.model)
    train = raws["train"].samples
    size = raws["train"].size or pictures.size_of(train, recipe.data.size, own.size if own else None)
    colour = any(p.shape[-1] >= pictures.COLOUR for p in train) or own is not None
    channels = pictures.COLOUR if colour else 1
    cropped = recipe.augment.crop < 1
    pixels = {
        role: brought(raw.samples, size, channels, margin=pictures.MARGIN if cropped and role == "train" else 1.0)
        for role, raw in raws.items()
    }
    mean, std, whose = _normalisation(recipe, own, pixels["train"], channels)
    look = Look(size, channels, mean, std)
    made = {
        role: Pictures(pixels[role], y[role], raw.names, look, recipe.augment if role == "train" else None, recipe.seed)
        for role, raw in raws.items()
    }
    told = [f"normalised by {whose}: mean {_figures(mean)}, std {_figures(std)}"]
    preparation = {
        "size": list(size),
        "channels": channels,
        "mean_of_channels": list(mean),
        "std_of_channels": list(std),
    }
    return made, (channels, *size), 0, preparation, told


def _normalisation(
    recipe: Recipe, own: Own | None, pixels: Any, channels: int
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    m = recipe.model
    if m.mean is not None or m.std is not None:
        if m.mean is None or m.std is None or len(m.mean) != channels or len(m.std) != channels:
            msg = f"model.mean and model.std need {channels} numbers each, one a channel"
            raise UsageError(msg)
        if min(m.std) <= 0:
            msg = "model.std holds a number that is not above 0"
            raise UsageError(msg)
        return tuple(m.mean), tuple(m.std), "the recipe's figures"
    if own is not None:
        return own.mean, own.std, "the weights' own configuration"
    return *pictures.moments(pixels), "the training pictures' figures"


def _figures(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:.3f}" for v in values)


def _texts(recipe: Recipe, raws: dict[str, Raw], y: dict[str, Any]) -> Any:
    known = texts.vocabulary(raws["train"].samples, recipe.data.vocabulary)
    made = {}
    for role, raw in raws.items():
        ids, lengths = texts.numbered(raw.samples, known, recipe.data.length)
        made[role] = texts.Texts(ids, lengths, y[role], raw.names)
    told = [f"{len(known):,} words of the training texts are told apart"]
    return made, (recipe.data.length,), len(known) + texts.FIRST, {"vocabulary": known}, told


def _table(recipe: Recipe, raws: dict[str, Raw], y: dict[str, Any]) -> Any:
    form = tables.form_of(raws["train"].columns, raws["train"].roles)
    made = {role: Rows(tables.rows(raw.columns, form), y[role], raw.names) for role, raw in raws.items()}
    columns = [{"column": c.name, **{k: v for k, v in vars_of(c).items() if k != "name"}} for c in form.columns]
    told = [f"{len(form.columns)} columns make {form.width} inputs", *form.told]
    del recipe
    return made, (form.width,), 0, {"columns": columns}, told


def vars_of(part: Any) -> dict[str, Any]:
    """Return the fields of a column's reading as plain values."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(part).items()}


def _arrays(recipe: Recipe, raws: dict[str, Raw], y: dict[str, Any]) -> Any:
    roles = list(raws)
    parts = tables.standardised(*[raws[r].samples for r in roles])
    made = {r: Rows(x, y[r], raws[r].names) for r, x in zip(roles, parts, strict=True)}
    del recipe
    return made, tuple(parts[0].shape[1:]), 0, {}, ["arrays are standardised by the training side"]
