"""Predictions of a classifier beside the labels, as the rest of this package reads them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Predictions:
    """N predictions.

    Attributes:
        source: What the user named.
        ids: What the user would call each sample.
        rows: Place of each sample in the data it was made from, as far as the order of the predictions tells.
        classes: Names of the K classes.
        truth, guess: (N,) class numbers.
        scores: (N, K) what ranks the classes; None where only the answer is known.
        proba: (N, K) probabilities that sum to 1; None where there are none.
        confidence: (N,) of the answer, None where it is not known.
        groups: (N,) words, None where there are none.
        texts, paths: Of each sample, None where there are none.
        columns: Further columns of the predictions, by name: words (object) or numbers.
        told: Sentences about how the predictions were read.
    """

    source: str
    ids: tuple[str, ...]
    rows: Ints
    classes: tuple[str, ...]
    truth: Ints
    guess: Ints
    scores: Floats | None = None
    proba: Floats | None = None
    confidence: Floats | None = None
    groups: Array | None = None
    texts: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    columns: dict[str, Array] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.truth)

    @property
    def wrong(self) -> Mask:
        """Return which answers are not the label."""
        return np.asarray(self.guess != self.truth)
