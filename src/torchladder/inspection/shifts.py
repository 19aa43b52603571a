"""What tells the sides apart: inputs, classes, time, and answers to equal inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.shift_facts import ShiftFact
from torchladder.data.drift import FEWEST, Apart, class_distance, drop_by_chance, telling_features, told_apart
from torchladder.data.examine import learnable
from torchladder.data.features import Matrix
from torchladder.data.probe import class_score
from torchladder.data.transfer import Probe
from torchladder.inspection.fold import Side
from torchladder.inspection.readings import Labels, Reading

Array = NDArray[Any]

THIRD = 3
EVEN = 1.2  # classes this near to equal on the held-out side were drawn so
FEW_CLASSES = 50
LIKE = 0.6  # area under the curve up to which inputs pass for alike


def shifts(
    sides: Sequence[Side], parts: list[Reading], matrices: list[Matrix], labels: Labels | None
) -> tuple[ShiftFact, ...]:
    """Return what was found of each kind, between training and each held-out side, and along time."""
    planned = sides[0].source.columns.group is not None or sides[0].source.columns.time is not None
    found: list[ShiftFact | None] = []
    for number in range(len(parts) - 1):
        inputs = _inputs(parts, matrices, number, planned=planned)
        found.append(inputs)
        found.append(_classes(labels, number, planned=planned))
        found.append(_answers(parts, matrices, labels, number, inputs))
    found.append(_time(parts[0], matrices[0]))
    return tuple(f for f in found if f is not None)


def _inputs(parts: list[Reading], matrices: list[Array], number: int, *, planned: bool) -> ShiftFact:
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


def _classes(labels: Labels | None, number: int, *, planned: bool) -> ShiftFact | None:
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


def _answers(
    parts: list[Reading], matrices: list[Matrix], labels: Labels | None, number: int, inputs: ShiftFact
) -> ShiftFact | None:
    """Return how much worse training's probe answers held-out samples whose inputs are like those of training."""
    if labels is None or not labels.classes:
        return None
    (y, there), (other, which) = labels.of(0, parts[0].items), labels.of(number + 1, parts[number + 1].items)
    n, m = len(there), len(which)
    if inputs.effect is None or inputs.effect > LIKE:
        why = "inputs of the sides differ" if inputs.effect is not None else inputs.why
        return ShiftFact(number, "concept", None, None, n, m, why=why)
    if min(n, m) < FEWEST or not learnable(y, classes=True):
        return ShiftFact(number, "concept", None, None, n, m, why="too few labels of each class")
    x, z = matrices[0][there], matrices[number + 1][which]
    own, theirs = class_score(x, y), Probe.of(x, y, classes=True).score(z, other)
    return ShiftFact(number, "concept", max(0.0, own - theirs), drop_by_chance(own, n, theirs, m), n, m)


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
