"""One side, asked about another: as it is, on training's scale, and with the classes renamed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from torchladder.core.shift_facts import RenamedFact
from torchladder.data.features import EPS, PICTURE, TABLE, Matrix, narrow, smaller
from torchladder.data.moments import as_trained
from torchladder.data.neighbours import nearest
from torchladder.data.probe import class_score, fitted, one_hot, predicted

Array = NDArray[Any]

FEWEST = 60  # samples of a side
ASKED = 1200  # samples of a side, at most
GOOD = 0.6  # accuracy from which a probe may name classes
SAID = 5  # classes named


@dataclass(frozen=True, slots=True)
class Probe:
    """Weights and the scale of the samples that they were fitted on."""

    weights: Matrix
    centre: Matrix
    scale: Matrix
    names: Array
    classes: bool

    @classmethod
    def of(cls, x: Array, y: Array, *, classes: bool) -> "Probe":
        """Return a probe fitted on samples (N, ...)."""
        flat = _flat(x)
        centre = flat.mean(axis=0)
        spread = flat.std(axis=0) if x.ndim <= TABLE else np.full(flat.shape[1], (flat - centre).std())
        scale = np.where(spread > EPS, spread, np.inf)
        target, names = one_hot(y) if classes else (np.asarray(y, dtype=float).reshape(-1, 1), np.unique(y)[:1])
        return cls(fitted(narrow((flat - centre) / scale), target), centre, scale, names, classes)

    def answers(self, x: Array) -> Array:
        """Return a class or a value for each sample."""
        out = predicted(narrow((_flat(x) - self.centre) / self.scale), self.weights)
        return self.names[out.argmax(axis=1)] if self.classes else out[:, 0]

    def score(self, x: Array, y: Array) -> float:
        """Return the accuracy, or the explained variance (not below 0)."""
        given = self.answers(x)
        if self.classes:
            return float((given == y).mean())
        spread = float(((y - y.mean()) ** 2).mean())
        return max(0.0, 1 - float(((given - y) ** 2).mean()) / spread) if spread > 0 else 0.0


def _flat(x: Array) -> Matrix:
    values = np.nan_to_num(np.asarray(x, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return (smaller(values) if values.ndim >= PICTURE - 1 else values).reshape(len(x), -1)


def scores(
    train: tuple[Array, Array], held: tuple[Array, Array], order: tuple[int, ...], *, classes: bool
) -> dict[str, Any]:
    """Return what neighbours in training make of held-out samples: as they are, on training's scale, reordered.

    A line hardly minds a scale, neighbours and networks do.

    Args:
        train: Samples and labels.
        held: The same of the held-out side.
        order: Channels in the order that fits training best, () where there is none.
        classes: Whether labels are classes.
    """
    (x, y), (other, labels) = _few(*train), _few(*held)
    if min(len(x), len(other)) < FEWEST:
        return {}
    found = {
        "kind": "classes" if classes else "values",
        "asked": len(other),
        "own_score": _by_neighbours(x, y, other, labels, classes=classes),
        "mapped_score": _by_neighbours(x, y, as_trained(x, other, other), labels, classes=classes),
    }
    if order:
        found["ordered_score"] = _by_neighbours(x, y, other[:, list(order)], labels, classes=classes)
    return found


def _few(x: Array, y: Array) -> tuple[Array, Array]:
    rows = np.unique(np.linspace(0, len(x) - 1, min(ASKED, len(x))).astype(int)) if len(x) else slice(0)
    return x[rows], y[rows]


def _by_neighbours(x: Array, y: Array, other: Array, labels: Array, *, classes: bool) -> float:
    """Return the accuracy, or the explained variance (not below 0), of the nearest neighbours' answers."""
    flat = _flat(x)
    centre = flat.mean(axis=0)
    spread = flat.std(axis=0) if x.ndim <= TABLE else np.full(flat.shape[1], (flat - centre).std())
    scale = np.where(spread > EPS, spread, np.inf)
    found, _ = nearest(narrow((_flat(other) - centre) / scale), among=narrow((flat - centre) / scale))
    near = y[found]
    if not classes:
        left = float(((near.mean(axis=1) - labels) ** 2).mean())
        return max(0.0, 1 - left / max(float(labels.var()), EPS))
    votes = np.stack([(near == name).sum(axis=1) for name in np.unique(y)])
    return float((np.unique(y)[votes.argmax(axis=0)] == labels).mean())


def renamed(
    train: tuple[Matrix, Array], held: tuple[Matrix, Array], names: tuple[str, ...], number: int
) -> RenamedFact | None:
    """Return by which names held-out classes go in training, None where too little can be said.

    Args:
        train: Features of samples, and class ids.
        held: The same of the held-out side.
        names: Of the classes.
        number: Place of the held-out side.
    """
    (x, y), (other, labels) = train, held
    k = len(names)
    if min(len(x), len(other)) < FEWEST or k < 2:  # noqa: PLR2004 - nothing to rename
        return None
    own = class_score(x, y)
    given = Probe.of(x, y, classes=True).answers(other)
    table = np.zeros((k, k))
    np.add.at(table, (labels, given), 1.0)
    rows, columns = linear_sum_assignment(-table)
    best = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    present = [c for c in range(k) if table[c].sum()]
    moved = {(best[c] - c) % k for c in present}
    return RenamedFact(
        held=number,
        shift=next(iter(moved)) if len(moved) == 1 else None,
        accuracy=float((labels == given).mean()),
        renamed=float(table[rows, columns].sum() / len(labels)),
        own=own,
        classes=k,
        n=len(labels),
        pairs=tuple((names[c], names[best[c]]) for c in present if best[c] != c)[:SAID],
    )
