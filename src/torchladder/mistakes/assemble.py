"""Labels, answers and scores, as words and numbers of a file, to predictions of named classes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.inspection.labels import CLASSES_MAX, named
from torchladder.mistakes.predictions import Array, Floats, Ints
from torchladder.mistakes.scores import Scored

POSITIVE = ("1", "true", "yes", "positive", "pos", "t", "y")
VALUES = (
    "{source}: the labels are values, not classes ({example}); this verb looks into the mistakes of classifiers, and "
    "there is no wrong or right about a value"
)


def as_names(values: Array, source: str) -> Array:
    """Return labels as the names of their classes.

    Raises:
        UsageError: If they are values.
    """
    if values.dtype.kind == "f":
        odd = values[values != np.round(values)]
        if len(odd):
            raise UsageError(VALUES.format(source=source, example=f"{odd[0]:.4g} is one of them"))
    names = named(values)
    different = len(set(names.tolist()))
    if values.dtype.kind in "iuf" and different > CLASSES_MAX and different * 2 > len(names):
        raise UsageError(VALUES.format(source=source, example=f"{different:,} different ones"))
    return names


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return different names in the order of their numbers, or of the alphabet."""
    found = set(names)
    if all(n.lstrip("-").isdecimal() for n in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def positive_of(classes: Sequence[str]) -> int:
    """Return which of two classes a single score is of."""
    marked = [i for i, c in enumerate(classes) if c.lower() in POSITIVE]
    return marked[0] if len(marked) == 1 else 1


def numbered(names: Array, classes: Sequence[str]) -> Ints:
    """Return names as numbers of classes."""
    place = {c: i for i, c in enumerate(classes)}
    return np.array([place[n] for n in names.tolist()], dtype=np.int64)


def matched(score_classes: Sequence[str], labels: set[str], source: str) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the classes that scores are of, and a sentence where they had to be inferred.

    Raises:
        UsageError: If labels occur that no score is of.
    """
    if labels <= set(score_classes):
        return tuple(score_classes), None
    by_small = {c.lower().strip(): c for c in labels}
    alike = [by_small.get(c.lower().strip(), c) for c in score_classes]
    if labels <= set(alike) and len(set(alike)) == len(alike):
        return tuple(alike), None
    numbers = [c for c in score_classes if c.isdecimal()]
    if len(numbers) == len(score_classes) == len(labels):
        words = ordered(labels)
        return words, f"scores have numbers and labels names: {words[0]!r} is taken for {score_classes[0]}, and so on"
    missing = sorted(labels - set(score_classes))[:3]
    msg = f"{source}: there are scores of {len(score_classes)} classes, but none of the label {missing[0]!r}"
    raise UsageError(msg)


def confidence_of(made: Scored | None, guess: Ints) -> Floats | None:
    """Return the probability of each answer."""
    if made is None or made.proba is None:
        return None
    return np.asarray(made.proba[np.arange(len(guess)), guess])


def refuse_empty(n: int, source: str) -> None:
    """Raise where nothing is left to look at.

    Raises:
        UsageError: If there are no rows.
    """
    if not n:
        msg = f"{source} has no row with a label and a prediction"
        raise UsageError(msg)


def words_of(values: Any) -> Array:
    """Return values as words, numbers without a point."""
    return named(np.asarray(values))
