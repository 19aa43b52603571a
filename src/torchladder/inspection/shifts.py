"""What tells the sides apart: inputs, classes, time, and answers to equal inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.shift_facts import ShiftFact
from torchladder.data.drift import FEWEST, Apart, class_distance, telling_features, told_apart
from torchladder.data.features import Matrix
from torchladder.inspection.answers import by_predictions, by_probe
from torchladder.inspection.fold import Side
from torchladder.inspection.readings import Labels, Reading

Array = NDArray[Any]

THIRD = 3
EVEN = 1.2  # classes this near to equal on the held-out side were drawn so
FEW_CLASSES = 50
APART = 0.05  # share of the samples that may lie on the other side of a cut


def shifts(
    sides: Sequence[Side], parts: list[Reading], matrices: list[Matrix], labels: Labels | None
) -> tuple[ShiftFact, ...]:
    """Return what was found of each kind, between training and each held-out side, and along time."""
    found: list[ShiftFact | None] = []
    for number in range(len(parts) - 1):
        planned = _planned(sides, parts, number)
        inputs = _inputs(parts, matrices, number, planned=planned)
        found.append(inputs)
        found.append(_classes(labels, number, planned=planned))
        found.append(by_probe(parts, matrices, labels, number, inputs))
        found.append(by_predictions(parts, labels, number, inputs))
    found.append(_time(parts[0], matrices[0]))
    return tuple(f for f in found if f is not None)


def _inputs(parts: list[Reading], matrices: list[Array], number: int, *, planned: str | None) -> ShiftFact:
    ours, theirs = parts[0], parts[number + 1]
    apart = told_apart(matrices[0], matrices[number + 1])
    if apart is None:
        sizes = len(ours.items), len(theirs.items)
        return ShiftFact(number, "covariate", None, None, *sizes, why=f"fewer than {FEWEST} samples of a side")
    return ShiftFact(
        number,
        "covariate",
        apart.area,
        apart.p,
        *apart.n,
        features=telling_features(ours.features, theirs.features, ours.names),
        planned=planned,
    )


def _classes(labels: Labels | None, number: int, *, planned: str | None) -> ShiftFact | None:
    if labels is None or not labels.classes or len(labels.names) > FEW_CLASSES:
        return None
    train, held = (labels.sides[i][1] for i in (0, number + 1))
    if not len(train) or not len(held):
        return None
    ours, theirs = (dict(enumerate(np.bincount(s, minlength=len(labels.names)).tolist())) for s in (train, held))
    effect, p = class_distance({str(k): n for k, n in ours.items()}, {str(k): n for k, n in theirs.items()})
    there = [n for n in theirs.values() if n]
    even = len(there) == len([n for n in ours.values() if n]) and max(there) <= EVEN * min(there)
    return ShiftFact(number, "label", effect, p, len(train), len(held), planned=planned, even=even)


def _planned(sides: Sequence[Side], parts: list[Reading], number: int) -> str | None:
    """Return by what the sides were cut, if that is written down, or groups or times lie on one side only."""
    if sides[0].planned is not None:
        return sides[0].planned
    columns, (ours, theirs) = sides[0].source.columns, (parts[0].items, parts[number + 1].items)
    known = {str(item.group) for item in ours if item.group is not None}
    other = [str(item.group) in known for item in theirs if item.group is not None]
    told = sum(other) < APART * len(other) if len(ours) >= sides[0].read else columns.chosen.get("group") == "user"
    if known and other and told:
        return f"by group `{columns.group}`"
    early, late = ([i.time for i in items if i.time is not None and np.isfinite(i.time)] for items in (ours, theirs))
    if early and late and np.quantile(late, APART) >= np.quantile(early, 1 - APART):
        return f"in time by `{columns.time}`"
    return None


def _time(part: Reading, matrix: Array) -> ShiftFact | None:
    """Return how well the earliest third of training is told from the latest."""
    times = np.array([np.nan if item.time is None else item.time for item in part.items], dtype=float)
    known = np.flatnonzero(np.isfinite(times))
    if len(known) < THIRD * FEWEST or len(np.unique(times[known])) < THIRD:
        return None
    order = known[np.argsort(times[known], kind="stable")]
    early, late = np.sort(order[: len(order) // THIRD]), np.sort(order[-(len(order) // THIRD) :])
    apart: Apart | None = told_apart(matrix[early], matrix[late])
    if apart is None:
        return None
    features = telling_features(part.features[early], part.features[late], part.names)
    return ShiftFact(-1, "temporal", apart.area, apart.p, *apart.n, features=features)
