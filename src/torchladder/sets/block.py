"""A block: consecutive samples of one data set, read into memory together."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Kind(StrEnum):
    """What one sample is."""

    IMAGES = "images"
    TABLE = "table"
    TEXT = "text"
    ARRAYS = "arrays"


@dataclass(frozen=True, slots=True)
class Fault:
    """A sample that could not be read, or not as it is.

    Attributes:
        name: What the user would call the sample: a path, "row 17".
        kind: "unreadable", "truncated", "empty", "too-large", "ragged", "encoding" …
        words: Why, in a few words.
        samples: How many samples it takes away: one, or the rest of a file.
    """

    name: str
    kind: str
    words: str
    samples: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """Samples ``start`` to ``start + len(block) - 1`` of a data set. A sample that could not be read is a fault only.

    Attributes:
        places: Number of each sample in the data set, ascending; gaps are faults.
        names: What the user would call each sample.
        images: (H, W, C) uint8 each, or as stored for other dtypes; of ``Kind.IMAGES`` only.
        columns: Values by column, one dtype each (float, int, bool, str as object with None for missing); of tables.
        texts: Of ``Kind.TEXT``.
        arrays: (N, ...) where all samples of the block have one shape; of ``Kind.ARRAYS``.
        labels: Class ids, class names (object) or values; None where there are none.
        groups: What was named as group, None where nothing was.
        times: What was named as time: numbers as they are, dates as seconds since 1970, NaN where there is none.
        predictions: What a model of the user's says of each sample: classes, values, or probabilities of the second of
            two classes; None where the user named none.
        traits: Further figures per sample that reading gave at no cost: of image files "mode", "width", "height",
            "bytes", "format".
        faults: Of the samples that are missing here.
    """

    start: int
    stop: int
    kind: Kind
    places: NDArray[np.int64]
    names: tuple[str, ...]
    images: tuple[Array, ...] = ()
    columns: dict[str, Array] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    arrays: Array | None = None
    labels: Array | None = None
    groups: Array | None = None
    times: Array | None = None
    predictions: Array | None = None
    traits: dict[str, Array] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def __len__(self) -> int:
        """Return how many samples could be read."""
        return len(self.places)
