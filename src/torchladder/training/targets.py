"""Labels as the loss takes them: numbers of classes, or values with mean 0 and standard deviation 1."""

from dataclasses import dataclass

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array

CLASSES_SHOWN = 5


@dataclass(frozen=True)
class Targets:
    """How labels are coded, fitted on the training side alone.

    Attributes:
        classes: Names in the order of their numbers; empty for values.
        mean, std: Of the values.
    """

    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0

    @property
    def outputs(self) -> int:
        """Outputs a model needs."""
        return len(self.classes) or 1

    def coded(self, labels: Array, side: str) -> Array:
        """Return labels as int64 numbers of classes, or as float32 values.

        Raises:
            UsageError: If a label is not one that training has.
        """
        if not self.classes:
            return ((labels.astype(np.float64) - self.mean) / self.std).astype(np.float32)
        number = {name: i for i, name in enumerate(self.classes)}
        words = [word(v) for v in labels]
        unknown = sorted({w for w in words if w not in number})
        if unknown:
            shown = ", ".join(unknown[:CLASSES_SHOWN])
            msg = f"the {side} side has classes that training has not: {shown}"
            raise UsageError(msg)
        return np.array([number[w] for w in words], dtype=np.int64)


def word(value: object) -> str:
    """Return the name of a class; whole numbers have no point, however they are stored."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def fitted(labels: Array, *, classes: bool, expected: int | None = None) -> Targets:
    """Return the coding of a training side's labels.

    Raises:
        UsageError: If they are one class, no values, or not as many classes as expected.
    """
    if not classes:
        if labels.dtype.kind not in "biuf":
            msg = (
                f"labels such as {str(labels[0])[:40]!r} are no values; data.task: classification takes them as classes"
            )
            raise UsageError(msg)
        values = labels.astype(np.float64)
        if not np.isfinite(values).all():
            msg = f"{int((~np.isfinite(values)).sum()):,} labels are infinite"
            raise UsageError(msg)
        return Targets(mean=float(values.mean()), std=float(values.std()) or 1.0)
    found = {word(v) for v in labels}
    names = sorted(found, key=lambda w: (0, float(w), w) if _is_number(w) else (1, 0.0, w))
    if expected is not None and len(names) != expected:
        msg = f"data.classes says {expected}, and the training labels have {len(names)}: {', '.join(names[:10])}"
        raise UsageError(msg)
    if len(names) < 2:  # noqa: PLR2004 - one class is nothing to tell apart
        msg = f"all training labels are {names[0]!r}; there is nothing to tell apart"
        raise UsageError(msg)
    return Targets(tuple(names))


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
