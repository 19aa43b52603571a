"""A batch against what layers and losses take, line by line."""

from dataclasses import dataclass

from torchladder.core.batch_facts import BatchFact

FLOATS = ("float32", "bfloat16", "float16")
COLOURS = (1, 3, 4)
BYTE = 255.0
NEAR_ZERO, NEAR_ONE = 2.0, 5.0  # |mean| and deviation up to which inputs count as normalised
CLASSES_MAX = 1000
PICTURE, TABLE = 4, 2  # dimensions


@dataclass(frozen=True, slots=True)
class Clause:
    """One line: what it is about, what is there, what is due, and whether it is kept (None: cannot tell)."""

    about: str
    value: str
    expected: str
    kept: bool | None


def kind_of(shape: tuple[int, ...], dtype: str) -> str:
    """Return what a batch of a shape and a type holds."""
    whole = dtype.startswith("int") or dtype == "bool"
    if len(shape) == PICTURE:
        return "images"
    if len(shape) == TABLE:
        return "ids" if whole and shape[1] > 1 else "table"
    return "sequence" if len(shape) == 3 else "other"  # noqa: PLR2004 - samples, steps, features


def clauses(batch: BatchFact) -> list[Clause]:
    """Return the lines of a batch."""
    lines = [_shape(batch), _type(batch), _range(batch)]
    lines.append(Clause("finite", f"{batch.nonfinite:,} values are not", "0", batch.nonfinite == 0))
    return [*lines, *_targets(batch)]


def words(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it."""
    return f"[{', '.join(map(str, shape))}]"


def _shape(batch: BatchFact) -> Clause:
    due = {"images": "[B, C, H, W]", "table": "[B, d]", "sequence": "[B, T, d]", "ids": "[B, T]"}.get(batch.kind)
    kept = None if due is None else not last_channels(batch)
    return Clause("inputs", words(batch.shape), due or "the samples along the first axis", kept)


def last_channels(batch: BatchFact) -> bool:
    """Tell whether pictures have their channels last: convolutions take them first."""
    return batch.kind == "images" and batch.shape[-1] in COLOURS and batch.shape[1] not in COLOURS


def _type(batch: BatchFact) -> Clause:
    if batch.kind == "ids":
        return Clause("type", batch.dtype, "int64 for an embedding", batch.dtype in {"int64", "int32"})
    return Clause("type", batch.dtype, "float32 or bfloat16", batch.dtype in FLOATS)


def _range(batch: BatchFact) -> Clause:
    if batch.low is None or batch.high is None or batch.mean is None or batch.std is None:
        return Clause("range", "no numbers", "normalised", None)
    value = f"{batch.low:.3g} to {batch.high:.3g}, mean {batch.mean:.3g}, deviation {batch.std:.3g}"
    if batch.kind == "ids":
        return Clause("range", f"{batch.low:.0f} to {batch.high:.0f}", "below the size of the vocabulary", None)
    return Clause("range", value, "mean near 0, deviation near 1, or 0 to 1", is_normalised(batch))


def is_normalised(batch: BatchFact) -> bool:
    """Tell whether inputs lie where layers expect them."""
    return abs(batch.mean or 0.0) <= NEAR_ZERO and (batch.std or 0.0) <= NEAR_ONE


def _targets(batch: BatchFact) -> list[Clause]:
    if batch.y_shape is None or batch.y_dtype is None:
        return [Clause("targets", "none", "[B] for labels", None)]
    flat = batch.y_shape[:1] == (batch.shape[0] * batch.shape[1],) if len(batch.shape) > 1 else False
    same = flat or batch.y_shape[:1] == batch.shape[:1]  # a language model flattens its targets for the loss
    lines = [
        Clause("targets", f"{words(batch.y_shape)} {batch.y_dtype}", f"{batch.shape[0]} along the first axis", same)
    ]
    if not are_ids(batch):
        return lines
    due = "int64 [B] for cross_entropy"
    if batch.y_values == 2 and batch.y_dtype in FLOATS:  # noqa: PLR2004 - what a binary loss takes
        return [*lines, Clause("labels", f"2 values, {batch.y_dtype}", "float for a binary loss; " + due, None)]
    one = len(batch.y_shape) == 1
    value = f"{batch.y_values} values in {words(batch.y_shape)} {batch.y_dtype}"
    return [*lines, Clause("labels", value, due, batch.y_dtype == "int64" and one)]


def are_ids(batch: BatchFact) -> bool:
    """Tell whether targets look like ids of classes, one a sample."""
    shape = batch.y_shape or ()
    one = len(shape) == 1 or (len(shape) == TABLE and shape[1] == 1)
    few = batch.y_values <= CLASSES_MAX and (batch.y_dtype or "").startswith(("int", "uint", "bool"))
    return one and batch.y_whole and (few or batch.named or batch.y_values * 2 <= max(shape[0], 1))
