"""The recipe: everything that decides how a training goes, each key with its meaning, unit and the why of its default.

Values are strict: a text where a number is due is refused, never guessed at. A recipe is frozen; ``recipe_file``
reads, changes and writes it.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def key(default: Any, what: str, *, unit: str = "", why: str = "", **limits: Any) -> Any:
    """Return a field with its documentation.

    Args:
        default: Its value where the recipe names none.
        what: What it is, in a few words.
        unit: Of its value.
        why: Why the default is what it is.
        limits: Bounds, as pydantic has them.
    """
    return Field(default=default, description=what, json_schema_extra={"unit": unit, "why": why}, **limits)


class Section(BaseModel):
    """A part of the recipe: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Data(Section):
    """What is learnt from."""

    train: str = key("", "folder or file to learn from, as `data check` takes it")
    val: str | None = key(None, "held-out side; null carves one from train", why="a test side is never used to choose")
    test: str | None = key(None, "looked at once, with the best weights, at the end")
    task: Literal["classification", "regression"] | None = key(None, "null: told by the labels")
    label: str | None = key(None, "column or array of labels; null: told by its name")
    text: str | None = key(None, "column of texts; null: the one that reads as prose")
    group: str | None = key(None, "column of what must stay on one side: patient, user, document")
    classes: int | None = key(None, "how many classes there must be; null: as many as there are", unit="classes", ge=2)
    val_share: float = key(0.1, "part of train that is held out where `val` is null", unit="share", gt=0, lt=1)
    split_seed: int = key(0, "chooses that part", why="apart from `seed`, so that repeats share one split", ge=0)
    size: int | None = key(None, "side of pictures; null: the weights' own, else the pictures'", unit="pixels", ge=4)
    length: int = key(128, "words of a text that are read", unit="words", why="covers most messages; cost grows", ge=1)
    vocabulary: int = key(20000, "most frequent words that are told apart", unit="words", ge=2)
    sampler: Literal["shuffle", "balanced"] = key(
        "shuffle",
        "balanced draws every class equally often, with repeats",
        why="a sample once an epoch is the plain case",
    )
    memory: float = key(
        8.0, "decoded samples that are held; pictures in files beyond it are decoded batch by batch", unit="GB", gt=0
    )
    workers: int = key(0, "processes that prepare batches", why="data in memory needs none", ge=0)


class Model(Section):
    """What learns."""

    name: str = key(
        "auto", "mlp, small_cnn, text_bag, text_transformer, a model of timm, or path.py:make_model",
        why="auto: small_cnn for pictures, text_bag for texts, mlp for tables",
    )  # fmt: skip
    weights: str | None = key(None, "file of weights (.safetensors, .pth), or package:NAME[/FILE]")
    width: int = key(64, "channels or units of the built-in models", unit="units", ge=1)
    depth: int = key(2, "layers of the built-in models", unit="layers", ge=1)
    dropout: float = key(0.0, "share of units that is dropped before the head", unit="share", ge=0, lt=1)
    drop_path: float = key(0.0, "share of residual branches that is dropped (timm)", unit="share", ge=0, lt=1)
    freeze: Literal["none", "backbone"] = key("none", "backbone: only the head learns, the rest stays in eval mode")
    mean: list[float] | None = key(None, "subtracted from each channel; null: the weights' own, else train's")
    std: list[float] | None = key(None, "each channel is divided by it; null: the weights' own, else train's")


class Optimizer(Section):
    """How weights move."""

    name: Literal["adamw", "adam", "sgd"] = key("adamw", "the rule of the update", why="forgiving of its learning rate")
    lr: float = key(0.001, "highest learning rate of the schedule", why="the usual rate of AdamW from scratch", gt=0)
    weight_decay: float = key(0.05, "pull to zero, not upon norms and biases", why="usual for AdamW", ge=0)
    momentum: float = key(0.9, "of sgd; the first beta of adamw and adam", unit="share", ge=0, lt=1)
    layer_decay: float = key(1.0, "each stage further from the head learns this much slower", unit="factor", gt=0, le=1)
    schedule: Literal["cosine", "constant"] = key("cosine", "course of the learning rate, per step, after the warm-up")
    warmup: float = key(
        0.05, "share of all steps in which the rate rises", unit="share", why="steadies Adam", ge=0, lt=1
    )
    lr_end: float = key(0.0, "part of `lr` at the end of cosine", unit="share", ge=0, le=1)


class Loss(Section):
    """What is made small."""

    name: Literal["auto", "cross_entropy", "focal", "mse", "mae"] = key(
        "auto", "cross_entropy for classes, mse for values"
    )
    label_smoothing: float = key(
        0.1, "share of each label that goes to all classes (cross_entropy)", unit="share",
        why="keeps confidence honest", ge=0, lt=1,
    )  # fmt: skip
    gamma: float = key(2.0, "of focal: how much easy samples are muted", why="the paper's choice", ge=0)
    class_weights: Literal["none", "balanced"] = key("none", "balanced: by the effective number of samples")
    beta: float = key(
        0.999, "of balanced weights; nearer to 1 is nearer to 1/count", why="the paper's range", ge=0, lt=1
    )


class Augment(Section):
    """What is done to training samples and never to held-out ones."""

    flip: bool = key(False, "mirror every second picture", why="mirrored letters and digits are other signs")
    shift: int = key(0, "move pictures by up to so many pixels", unit="pixels", ge=0)
    crop: float = key(
        1.0, "smallest share of a picture that a random crop keeps; 1 crops nothing", unit="share", gt=0, le=1
    )
    randaugment: int = key(
        0, "strength of RandAugment; 0: none", unit="0-30", why="9 is usual for photographs", ge=0, le=30
    )
    mixup: float = key(0.0, "alpha of MixUp, soft targets; 0: none", why="0.2 is usual; it needs more epochs", ge=0)
    cutmix: float = key(0.0, "alpha of CutMix, soft targets; 0: none", why="1.0 is usual", ge=0)


class Training(Section):
    """The loop."""

    epochs: int = key(10, "passes over the training data", unit="epochs", ge=1)
    batch_size: int = key(64, "samples of one pass through the model, over all processes", unit="samples", ge=1)
    accumulate: int = key(1, "batches whose gradients make one step", unit="batches", ge=1)
    clip: float = key(1.0, "largest global norm of the gradient; 0: no clipping", why="stops single bad batches", ge=0)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = key(
        "auto", "of the forward pass", why="auto: bf16 where a GPU has it, else fp32; bf16 needs no loss scaling"
    )
    channels_last: bool = key(
        False, "keep pictures with the channel as the last axis", why="faster on some devices only"
    )
    compile: bool = key(False, "compile the model", why="pays after minutes, not in short runs")
    ema: float = key(
        0.0, "decay of averaged weights, which are then evaluated; 0: none", why="0.999 is usual", ge=0, lt=1
    )
    patience: int = key(0, "epochs without a better metric before stopping; 0: never", unit="epochs", ge=0)
    metric: Literal["auto", "accuracy", "macro_recall", "macro_f1", "auroc", "loss", "rmse", "mae", "r2"] = key(
        "auto", "what chooses the best weights", why="auto: accuracy, macro_f1 beyond 10 : 1, rmse for values"
    )
    checkpoint_steps: int = key(0, "steps between checkpoints within an epoch; 0: at its end only", unit="steps", ge=0)
    deterministic: bool = key(
        False, "refuse operations whose result varies", why="costs speed on GPUs; a CPU repeats anyway"
    )
    device: Literal["auto", "cpu"] = key("auto", "auto: a GPU where there is one")


class Recipe(Section):
    """All of it."""

    seed: int = key(0, "of weights, order, augmentation and dropout", ge=0)
    data: Data = Data()
    model: Model = Model()
    optimizer: Optimizer = Optimizer()
    loss: Loss = Loss()
    augment: Augment = Augment()
    training: Training = Training()


def sections() -> dict[str, type[Section]]:
    """Return the parts by their names."""
    found = {}
    for name, field in Recipe.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found[name] = field.annotation
    return found


def keys() -> list[str]:
    """Return all keys, as "training.epochs"."""
    parts = sections()
    alone = [name for name in Recipe.model_fields if name not in parts]
    return [*alone, *(f"{part}.{name}" for part, kind in parts.items() for name in kind.model_fields)]
