"""Concept shift: equal inputs with other answers, by the user's predictions or by a small model of our own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.shift_facts import ShiftFact
from torchladder.data.drift import FEWEST, drop_by_chance
from torchladder.data.examine import learnable
from torchladder.data.features import Matrix
from torchladder.data.probe import class_score
from torchladder.data.relation import BINS, Relation, binned, of_classes, of_values
from torchladder.data.transfer import Probe
from torchladder.inspection.readings import Labels, Reading

Array = NDArray[Any]

LIKE = 0.6  # area under the curve up to which inputs pass for alike
KNOWN = 0.9  # predictions of a side that must name one of the classes
NAMED = "predictions"
Coded = tuple[NDArray[np.int64], NDArray[np.int64]]


def by_probe(
    parts: list[Reading], matrices: list[Matrix], labels: Labels | None, number: int, inputs: ShiftFact
) -> ShiftFact | None:
    """Return how much worse training's probe answers held-out samples whose inputs are like those of training."""
    if labels is None or not labels.classes:
        return None
    (y, there), (other, which) = labels.of(0, parts[0].items), labels.of(number + 1, parts[number + 1].items)
    n, m = len(there), len(which)
    why = unlike(inputs)
    if why is not None:
        return ShiftFact(number, "concept", None, None, n, m, why=why)
    if min(n, m) < FEWEST or not learnable(y, classes=True):
        return ShiftFact(number, "concept", None, None, n, m, why="too few labels of each class")
    x, z = matrices[0][there], matrices[number + 1][which]
    own, theirs = class_score(x, y), Probe.of(x, y, classes=True).score(z, other)
    return ShiftFact(number, "concept", max(0.0, own - theirs), drop_by_chance(own, n, theirs, m), n, m)


def unlike(inputs: ShiftFact) -> str | None:
    """Return why answers cannot be compared, None where inputs of the sides are alike."""
    if inputs.effect is not None and inputs.effect <= LIKE:
        return None
    return "inputs of the sides differ" if inputs.effect is not None else inputs.why


def by_predictions(parts: list[Reading], labels: Labels | None, number: int, inputs: ShiftFact) -> ShiftFact | None:
    """Return whether held-out labels follow from the user's predictions as training's do, None where there are none."""
    sides = (0, number + 1)
    given = [np.array([item.prediction for item in parts[i].items], dtype=object) for i in sides]
    if labels is None or all(p is None for p in given[0]) or all(p is None for p in given[1]):
        return None
    y, f, n = _paired(labels, 0, parts[0], given[0])
    z, g, m = _paired(labels, number + 1, parts[number + 1], given[1])
    why = unlike(inputs)
    if why is None and min(n, m) < FEWEST:
        why = "too few samples with a label and a prediction"
    if why is None:
        found = _of_classes(f, y, g, z, labels.names) if labels.classes else _of_values(f, y, g, z)
        if not isinstance(found, str):
            return _fact(number, n, m, *found)
        why = found
    return ShiftFact(number, "concept", None, None, n, m, why=why, by=NAMED)


def _paired(labels: Labels, side: int, part: Reading, given: Array) -> tuple[Array, Array, int]:
    """Return labels and predictions of the samples that have both."""
    values, there = labels.of(side, part.items)
    said = np.array([p is not None and p == p for p in given[there]], dtype=bool)  # noqa: PLR0124 - NaN is not itself
    return values[said], given[there][said], int(said.sum())


def _fact(number: int, n: int, m: int, r: Relation, moved: tuple[str, ...]) -> ShiftFact:
    scores = (r.train, r.held, r.anew)
    return ShiftFact(number, "concept", max(0.0, r.gain), r.p, n, m, by=NAMED, scores=scores, moved=moved)


def _of_classes(f: Array, y: Array, g: Array, z: Array, names: Sequence[str]) -> tuple[Relation, tuple[str, ...]] | str:
    found = _coded(f, g, names)
    if found is None:
        return "the predictions do not name the classes that the labels have"
    coded, meant, words = found
    known = [c >= 0 for c in coded]
    train, held = ((c[k], np.asarray(v[k], dtype=np.int64)) for c, k, v in zip(coded, known, (y, z), strict=True))
    if min(len(train[0]), len(held[0])) < FEWEST:
        return "too few samples with a label and a prediction"
    r = of_classes(train, held, meant, len(names))
    return r, tuple(f"{words[c]}: {names[a]} in training, {names[b]} held out ({s:.0%})" for c, a, b, s in r.moved)


def _coded(f: Array, g: Array, names: Sequence[str]) -> tuple[Coded, NDArray[np.int64], tuple[str, ...]] | None:
    """Return predictions by number, the class that each means, and its name: classes, or tenths of a probability."""
    numbers = _numbers(f), _numbers(g)
    if numbers[0] is not None and numbers[1] is not None and len(names) == 2:  # noqa: PLR2004 - one probability says all
        both = np.concatenate([numbers[0], numbers[1]])
        if (both != np.round(both)).any():
            return *binned((numbers[0], numbers[1])), tuple(f"prediction, tenth {i + 1}" for i in range(BINS))
    for words in (list(names), [str(i) for i in range(len(names))]):
        at = {w: i for i, w in enumerate(words)}
        first, second = (np.array([at.get(_word(v), -1) for v in side], dtype=np.int64) for side in (f, g))
        if min((first >= 0).mean(), (second >= 0).mean()) >= KNOWN:
            return (first, second), np.arange(len(names)), tuple(f"predicted {n}" for n in names)
    return None


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(values: Array) -> NDArray[np.float64] | None:
    if any(isinstance(v, str) for v in values):
        return None
    return np.asarray(values, dtype=float)


def _of_values(f: Array, y: Array, g: Array, z: Array) -> tuple[Relation, tuple[str, ...]] | str:
    first, second = _numbers(f), _numbers(g)
    if first is None or second is None:
        return "the predictions are words and the labels are values"
    return of_values((first, np.asarray(y, dtype=float)), (second, np.asarray(z, dtype=float))), ()
