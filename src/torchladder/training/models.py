"""Models by name: the built-in ones, timm's, the user's factory; with weights, and a head for the data's classes."""

import inspect
from dataclasses import dataclass
from typing import Any

from torch import nn

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.training import small
from torchladder.training.recipe import Model, Recipe
from torchladder.training.recipe_file import nearest
from torchladder.training.weights import loaded, tensors_of

BUILT_IN = ("mlp", "small_cnn", "text_bag", "text_transformer")
AUTO = {Kind.IMAGES: "small_cnn", Kind.TEXT: "text_bag", Kind.TABLE: "mlp", Kind.ARRAYS: "mlp"}
TEXTUAL = ("text_bag", "text_transformer")
OUTPUTS = ("num_classes", "classes", "n_classes", "outputs", "num_outputs", "out_features")
CHANNELS = ("in_chans", "channels", "in_channels")
COLOUR = 3


@dataclass(frozen=True)
class Shape:
    """What a model is given: the shape of a sample, how many words there are, and how many outputs are due."""

    kind: Kind
    sample: tuple[int, ...]
    outputs: int
    words: int = 0


@dataclass(frozen=True)
class Own:
    """How the weights' makers brought pictures before the model."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass
class Made:
    """A model.

    Attributes:
        head: Names of the parameters of its classifier, as prefixes.
        told: What was done to the weights.
    """

    module: nn.Module
    name: str
    head: tuple[str, ...]
    told: list[str]


def name_of(model: Model, kind: Kind) -> str:
    """Return the model's name; "auto" is the built-in one for the kind of data.

    Raises:
        UsageError: If a built-in model is for another kind of data.
    """
    name = AUTO[kind] if model.name == "auto" else model.name
    if name in BUILT_IN and (name in TEXTUAL) != (kind is Kind.TEXT):
        hint = "; data.text names a column of texts" if name in TEXTUAL else ""
        msg = f"model.name: {name} is not for {kind}; the nearest: {AUTO[kind]}{hint}"
        raise UsageError(msg)
    if name == "small_cnn" and kind is not Kind.IMAGES:
        msg = f"model.name: small_cnn is not for {kind}; the nearest: mlp"
        raise UsageError(msg)
    return name


def own_look(model: Model) -> Own | None:
    """Return what pictures the weights of a timm model were trained on; None without weights, or of other models."""
    if model.weights is None or model.name in BUILT_IN or ".py:" in model.name or model.name == "auto":
        return None
    return configured(model.name)


def configured(name: str) -> Own | None:
    """Return the configuration of a timm model's weights, None where there is none."""
    config = _timm().models.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None or not config.mean:
        return None
    return Own(tuple(config.input_size[1:]), tuple(config.mean), tuple(config.std))


def timm_model(name: str, channels: int) -> nn.Module | None:
    """Return a model of timm as its weights have it, None where there is none of the name."""
    timm = _timm()
    if not timm.is_model(name):
        return None
    module: nn.Module = timm.create_model(name, pretrained=False, in_chans=channels)
    return module


def made(recipe: Recipe, shape: Shape) -> Made:
    """Return the model of a recipe for data of a shape.

    Raises:
        UsageError: If there is no such model, or weights that are not its own.
    """
    model = recipe.model
    name = name_of(model, shape.kind)
    if name in BUILT_IN:
        found = Made(_built_in(name, recipe, shape), name, ("head.",), [])
    elif ".py:" in name:
        found = _factory(name, shape)
    else:
        return _of_timm(name, recipe, shape)
    if model.weights is not None:
        found.told += loaded(found.module, tensors_of(model.weights), found.head, by_order=False)
    return found


def _built_in(name: str, recipe: Recipe, shape: Shape) -> nn.Module:
    m = recipe.model
    if name == "mlp":
        flat = 1
        for n in shape.sample:
            flat *= n
        return small.Perceptron(flat, shape.outputs, m.width, m.depth, m.dropout)
    if name == "small_cnn":
        return small.SmallCnn(shape.sample[0], shape.outputs, m.width, m.depth, m.dropout)
    if name == "text_bag":
        return small.TextBag(shape.words, shape.outputs, m.width, m.depth, m.dropout)
    if m.width % small.HEADS:
        msg = f"model.width is {m.width}, where text_transformer needs a multiple of {small.HEADS}"
        raise UsageError(msg)
    length = recipe.data.length
    return small.TextTransformer(shape.words, shape.outputs, m.width, m.depth, m.dropout, length=length)


def _factory(name: str, shape: Shape) -> Made:
    """Return what the user's function makes."""
    from torchladder.gradients.load import load, users

    function = load(name)
    if isinstance(function, nn.Module):
        module: Any = function
    else:
        with users(name):
            module = function(**_arguments(function, shape))
    if not isinstance(module, nn.Module):
        msg = f"{name} returned a {type(module).__name__}, where a torch.nn.Module is due"
        raise UsageError(msg)
    return Made(module, name, (_last_layer(module),), [])


def _arguments(function: Any, shape: Shape) -> dict[str, Any]:
    """Return what a factory asks for by the names of its parameters."""
    try:
        asked = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    given: dict[str, Any] = {n: shape.outputs for n in OUTPUTS if n in asked}
    given |= {n: shape.sample[0] for n in CHANNELS if n in asked}
    given |= {n: shape.words for n in ("words", "vocabulary") if n in asked}
    return given


def _last_layer(module: nn.Module) -> str:
    """Return the name of the last layer with weights of its own, as a prefix of its parameters."""
    names = [name for name, part in module.named_modules() if name and part._parameters]  # noqa: SLF001 - torch's own table
    return f"{names[-1]}." if names else ""


def _of_timm(name: str, recipe: Recipe, shape: Shape) -> Made:
    timm, m = _timm(), recipe.model
    if not timm.is_model(name):
        known = [*BUILT_IN, *timm.list_models(f"*{name.partition('_')[0][:5]}*")]
        msg = f"model.name: there is no model {name}{nearest(name, known)}"
        raise UsageError(msg)
    if shape.kind is not Kind.IMAGES:
        msg = f"model.name: {name} is for pictures, and this data is {shape.kind}; the nearest: {AUTO[shape.kind]}"
        raise UsageError(msg)
    options: dict[str, Any] = {"pretrained": False, "drop_rate": m.dropout, "in_chans": shape.sample[0]}
    if m.drop_path:
        options["drop_path_rate"] = m.drop_path
    told: list[str] = []
    try:
        if m.weights is None:
            module = timm.create_model(name, num_classes=shape.outputs, **options)
        else:
            module = timm.create_model(name, **options)
    except TypeError as error:
        msg = f"model.name: {name} takes not all of these settings ({error})"
        raise UsageError(msg) from None
    head = _head_of(module)
    if m.weights is not None:
        told = loaded(module, tensors_of(m.weights), head, by_order=True)
        module.reset_classifier(shape.outputs)
        told.append(f"a new head for {shape.outputs} outputs")
    return Made(module, name, head, told)


def _head_of(module: Any) -> tuple[str, ...]:
    config = getattr(module, "pretrained_cfg", None) or {}
    names = config.get("classifier", "head")
    return tuple(f"{n}." for n in ((names,) if isinstance(names, str) else names))


def _timm() -> Any:
    """Return timm.

    Raises:
        UsageError: If it is not installed.
    """
    try:
        import timm
    except ImportError:
        msg = "models of timm need it: pip install 'torchladder[vision]'; built in are " + ", ".join(BUILT_IN)
        raise UsageError(msg) from None
    return timm
