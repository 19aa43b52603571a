"""Faults planted in pairs of data sets, at known rates, for ``data_checks.py``."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from torchladder.sets.block import Kind

Array = np.ndarray


@dataclass(frozen=True)
class Part:
    """One side in memory: ``x`` is an array, a dict of columns or a list of texts."""

    x: Any
    y: Array
    groups: Array | None = None
    times: Array | None = None
    predictions: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def taken(self, rows: Array) -> "Part":
        if isinstance(self.x, dict):
            x: Any = {k: v[rows] for k, v in self.x.items()}
        else:
            x = [self.x[i] for i in rows] if isinstance(self.x, list) else self.x[rows]
        return Part(
            x,
            self.y[rows],
            None if self.groups is None else self.groups[rows],
            None if self.times is None else self.times[rows],
            None if self.predictions is None else self.predictions[rows],
        )


@dataclass(frozen=True)
class Pair:
    """A data set, cut as it ought to be."""

    name: str
    train: Part
    held: Part
    classes: bool = True

    @property
    def kind(self) -> Kind:
        return (
            Kind.TABLE
            if isinstance(self.train.x, dict)
            else Kind.TEXT
            if isinstance(self.train.x, list)
            else Kind.ARRAYS
        )


@dataclass(frozen=True)
class Fault:
    """A fault, the rule that ought to name it, and rules that may well speak of its consequences."""

    name: str
    code: str
    rate: str
    plant: Callable[[Pair, np.random.Generator], Pair | None]
    also: tuple[str, ...] = ()


def for_classes(plant: Callable[[Pair, np.random.Generator], Pair | None], least: int = 2) -> Any:
    """Return a plant for data with enough samples of classes; fewer cannot show the fault to anybody."""

    def planted(pair: Pair, rng: np.random.Generator) -> Pair | None:
        enough = pair.classes and len(pair.train) >= 250 and len(np.unique(pair.train.y)) >= least
        return plant(pair, rng) if enough else None

    return planted


def noise(pair: Pair, rng: np.random.Generator) -> Pair | None:
    names, y = np.unique(pair.train.y), pair.train.y.copy()
    rows = rng.permutation(len(y))[: int(0.15 * len(y))]
    ids = np.searchsorted(names, y[rows])
    y[rows] = names[(ids + rng.integers(1, len(names), len(rows))) % len(names)]
    return replace(pair, train=replace(pair.train, y=y))


def shifted(pair: Pair, _: np.random.Generator) -> Pair:
    return replace(pair, train=replace(pair.train, y=np.roll(pair.train.y, 1)))


def by_name(pair: Pair, _: np.random.Generator) -> Pair:
    order = np.array(sorted(range(len(pair.train)), key=str))
    return replace(pair, train=replace(pair.train, y=pair.train.y[order]))


def reversed_(pair: Pair, _: np.random.Generator) -> Pair:
    return replace(pair, train=replace(pair.train, y=pair.train.y[::-1].copy()))


def modulo(pair: Pair, _: np.random.Generator) -> Pair:
    names = np.unique(pair.train.y)
    moved = names[(np.searchsorted(names, pair.held.y) + 1) % len(names)]
    return replace(pair, held=replace(pair.held, y=moved))


def shuffled(pair: Pair, rng: np.random.Generator) -> Pair:
    return replace(pair, train=replace(pair.train, y=rng.permutation(pair.train.y)))


def nonfinite(value: float) -> Callable[[Pair, np.random.Generator], Pair | None]:
    def plant(pair: Pair, rng: np.random.Generator) -> Pair | None:
        rows = rng.permutation(len(pair.train))[: max(1, len(pair.train) // 100)]
        if isinstance(pair.train.x, dict):
            name = next(iter(pair.train.x))
            column = pair.train.x[name].astype(float)
            column[rows] = value
            return replace(pair, train=replace(pair.train, x={**pair.train.x, name: column}))
        if isinstance(pair.train.x, list):
            return None
        x = pair.train.x.astype(np.float32)
        x[rows, 0] = value
        return replace(pair, train=replace(pair.train, x=x), held=replace(pair.held, x=pair.held.x.astype(np.float32)))

    return plant


def unlabelled(pair: Pair, rng: np.random.Generator) -> Pair:
    y = pair.train.y.astype(object)
    y[rng.permutation(len(y))[: max(1, len(y) // 50)]] = None
    return replace(pair, train=replace(pair.train, y=y))


def stray(pair: Pair, rng: np.random.Generator) -> Pair | None:
    if pair.train.y.dtype.kind not in "iu":
        return None
    y = pair.train.y.copy()
    y[rng.permutation(len(y))[: max(1, len(y) // 100)]] = 255
    return replace(pair, train=replace(pair.train, y=y))


def without_class(pair: Pair, _: np.random.Generator) -> Pair:
    last = np.unique(pair.held.y)[-1]
    return replace(pair, train=pair.train.taken(np.flatnonzero(pair.train.y != last)))


def imbalance(pair: Pair, _: np.random.Generator) -> Pair:
    def thin(part: Part) -> Part:
        rare = np.flatnonzero(part.y == np.unique(pair.train.y)[0])
        common = np.unique(part.y, return_counts=True)[1].max()
        gone = rare[max(2, common // 30) :]
        return part.taken(np.setdiff1d(np.arange(len(part)), gone))

    return replace(pair, train=thin(pair.train), held=thin(pair.held))


def column(make: Callable[[dict[str, Array], Part, np.random.Generator], dict[str, Array]]) -> Any:
    """Return a plant that adds a column to both sides of a table."""

    def plant(pair: Pair, rng: np.random.Generator) -> Pair | None:
        if not isinstance(pair.train.x, dict):
            return None
        sides = (replace(p, x={**p.x, **make(p.x, p, rng)}) for p in (pair.train, pair.held))
        return Pair(pair.name, *sides, pair.classes)

    return plant


def giveaway(_: dict[str, Array], part: Part, rng: np.random.Generator) -> dict[str, Array]:
    ids = np.unique(part.y, return_inverse=True)[1] if part.y.dtype.kind != "f" else part.y
    return {"ward": ids * 10.0 + rng.normal(size=len(part))}


def hard(pair: Pair, rng: np.random.Generator) -> Pair | None:
    """Make a table's own columns worse, and add one that was made from the label."""
    if not isinstance(pair.train.x, dict) or len(pair.train) < 150:
        return None

    def worse(part: Part) -> Part:
        noisy = {k: v + 1.5 * v.std() * rng.normal(size=len(v)) for k, v in part.x.items()}
        return replace(part, x=noisy | giveaway(part.x, part, rng))

    return Pair(pair.name, worse(pair.train), worse(pair.held), pair.classes)


def as_table(part: Part) -> Array | None:
    if isinstance(part.x, dict):
        return np.stack(list(part.x.values()), axis=1)
    return None if isinstance(part.x, list) else part.x.reshape(len(part), -1).astype(np.float64)


def prepared(how: str) -> Callable[[Pair, np.random.Generator], Pair | None]:
    """Return a plant that scales both sides by statistics of both."""

    def plant(pair: Pair, _: np.random.Generator) -> Pair | None:
        a, b = as_table(pair.train), as_table(pair.held)
        if a is None or b is None:
            return None
        both = np.concatenate([a, b])
        wide = not isinstance(pair.train.x, dict)
        if how == "standard":
            centre, scale = (both.mean(), both.std()) if wide else (both.mean(axis=0), both.std(axis=0))
        else:
            centre, scale = both.min(axis=0), np.ptp(both, axis=0)
        if wide and how != "standard":
            return None  # values of pictures are in one range by nature
        sides = []
        for part, table in ((pair.train, a), (pair.held, b)):
            new = (table - centre) / np.where(scale > 0, scale, 1)
            x: Any = (
                {k: new[:, j] for j, k in enumerate(part.x)}
                if not wide
                else new.reshape(part.x.shape).astype(np.float32)
            )
            sides.append(replace(part, x=x))
        return Pair(pair.name, *sides, pair.classes)

    return plant


def other_scale(pair: Pair, _: np.random.Generator) -> Pair | None:
    """Standardise the training side alone."""
    a, b = as_table(pair.train), as_table(pair.held)
    if a is None or b is None:
        return None
    wide = not isinstance(pair.train.x, dict)
    centre, scale = (a.mean(), a.std()) if wide else (a.mean(axis=0), a.std(axis=0))
    if np.abs(centre).max() < 0.01 * np.abs(scale).max():
        return None
    new = (a - centre) / scale
    if wide:
        train = replace(pair.train, x=new.reshape(pair.train.x.shape).astype(np.float32))
        return replace(pair, train=train, held=replace(pair.held, x=pair.held.x.astype(np.float32)))
    return replace(pair, train=replace(pair.train, x={k: new[:, j] for j, k in enumerate(pair.train.x)}))


def swapped_channels(pair: Pair, rng: np.random.Generator) -> Pair | None:
    """Colour grey pictures by a tint of their own, then read the held-out ones as BGR."""
    x = pair.train.x
    if not isinstance(x, np.ndarray) or x.ndim != 3 or x.shape[1] != x.shape[2]:
        return None

    def coloured(part: Part, order: slice) -> Part:
        names = np.unique(pair.train.y)
        ids = np.searchsorted(names, part.y)
        tint = np.stack([0.9 - 0.05 * ids, 0.5 + 0 * ids, 0.2 + 0.05 * ids], axis=1) + 0.05 * rng.random((len(part), 3))
        picture = part.x[:, None].astype(np.float32) * tint[:, :, None, None].astype(np.float32)
        return replace(part, x=np.ascontiguousarray(picture[:, order]))

    return Pair(pair.name, coloured(pair.train, slice(None)), coloured(pair.held, slice(None, None, -1)), pair.classes)


def mixed_groups(pair: Pair, rng: np.random.Generator) -> Pair | None:
    if pair.train.groups is None:
        return None
    whole = merged(pair)
    order = rng.permutation(len(whole))
    return Pair(pair.name, whole.taken(order[: len(pair.train)]), whole.taken(order[len(pair.train) :]), pair.classes)


def merged(pair: Pair) -> Part:
    a, b = pair.train, pair.held
    if isinstance(a.x, dict):
        x: Any = {k: np.concatenate([a.x[k], b.x[k]]) for k in a.x}
    else:
        x = a.x + b.x if isinstance(a.x, list) else np.concatenate([a.x, b.x])
    groups = None if a.groups is None or b.groups is None else np.concatenate([a.groups, b.groups])
    return Part(x, np.concatenate([a.y, b.y]), groups)


def mixed_times(pair: Pair, rng: np.random.Generator) -> Pair:
    """Give both sides times of one range, as a random split of gathered data has."""
    sides = (replace(p, times=1.6e9 + 1e5 * rng.random(len(p))) for p in (pair.train, pair.held))
    return Pair(pair.name, *sides, pair.classes)


def sorted_cut(pair: Pair, _: np.random.Generator) -> Pair | None:
    """Sort by the first feature that varies (mean of a picture, length of a text) and cut the file in two."""
    whole = merged(pair)
    if isinstance(whole.x, dict):
        key = next(iter(whole.x.values()))
    elif isinstance(whole.x, list):
        key = np.array([len(t) for t in whole.x])
    else:
        key = whole.x.reshape(len(whole), -1).mean(axis=1)
    if len(whole) < 250:
        return None
    order = np.argsort(key, kind="stable")
    return Pair(
        pair.name,
        replace(whole.taken(order[: len(pair.train)]), groups=None),
        replace(whole.taken(order[len(pair.train) :]), groups=None),
        pair.classes,
    )


def other_shares(pair: Pair, rng: np.random.Generator) -> Pair:
    """Drop nine in ten held-out samples of half of the classes."""
    names = np.unique(pair.train.y)[: len(np.unique(pair.train.y)) // 2]
    gone = np.isin(pair.held.y, names) & (rng.random(len(pair.held)) < 0.9)
    return replace(pair, held=pair.held.taken(np.flatnonzero(~gone)))


def overfitted(pair: Pair, rng: np.random.Generator) -> Pair:
    """Give both sides the predictions of a model that is always right in training and in 70 % of the rest."""

    def guessed(y: Array) -> Array:
        return np.where(rng.random(len(y)) < 0.7, y, rng.permutation(y))

    train = replace(pair.train, predictions=pair.train.y.copy())
    return replace(pair, train=train, held=replace(pair.held, predictions=guessed(pair.held.y)))


def other_answers(pair: Pair, rng: np.random.Generator) -> Pair | None:
    """Predict as before, and let held-out labels follow another rule: the classes changed places."""
    return modulo(overfitted(pair, rng), rng) if len(pair.held) >= 100 else None


def parts_of(_x: Any, part: Part, rng: np.random.Generator) -> Any:
    share = rng.random(len(part))
    return {"casual": share * part.y, "registered": part.y - share * part.y}


def for_values(plant: Callable[[Pair, np.random.Generator], Pair | None]) -> Any:
    """Return a plant for data whose labels are values."""
    return lambda pair, rng: None if pair.classes else plant(pair, rng)


LABELS = ("TL120", "TL121")
# fmt: off
FAULTS = (
    Fault("labels of 15 % wrong", "TL120", "15 %", for_classes(noise), ("TL121",)),
    Fault("labels one row late", "TL104", "all", for_classes(shifted), LABELS),
    Fault("samples sorted by name as text", "TL104", "all", for_classes(by_name), LABELS),
    Fault("labels back to front", "TL104", "all", for_classes(reversed_), LABELS),
    Fault("held-out classes one on, modulo K", "TL104", "all", for_classes(modulo, 3), LABELS),
    Fault("training labels shuffled", "TL104", "all", for_classes(shuffled), LABELS),
    Fault("NaN", "TL102", "1 %", nonfinite(np.nan)),
    Fault("infinite values", "TL102", "1 %", nonfinite(np.inf)),
    Fault("missing labels", "TL102", "2 %", unlabelled),
    Fault("label 255", "TL105", "1 %", for_classes(stray, 3), ("TL108", "TL121", "TL123")),
    Fault("a class missing in training", "TL123", "all of it", for_classes(without_class, 3), ("TL121", "TL104")),
    Fault("one class 30 times rarer", "TL108", "30 : 1", for_classes(imbalance)),
    Fault("a constant column", "TL103", "1 column", column(lambda _x, p, _r: {"site": np.full(len(p), 3.0)})),
    Fault("a copied column", "TL127", "1 column", column(lambda x, _p, _r: {"copy": next(iter(x.values()))})),
    Fault("a column made from the label", "TL113", "1 column", hard, ("TL121",)),
    Fault(
        "codes of the classes among the columns", "TL113", "1 column",
        for_classes(column(lambda _x, p, _r: {"code": 7.0 - 2.0 * np.unique(p.y, return_inverse=True)[1]})), ("TL121",),
    ),
    Fault(
        "the label on another scale", "TL113", "1 column",
        for_values(column(lambda _x, p, _r: {"euros": np.round(0.92 * p.y + 3, 2)})),
    ),
    Fault("two columns that add up to the label", "TL113", "2 columns", for_values(column(parts_of))),
    Fault("other answers to equal predictions", "TL121", "all", for_classes(other_answers, 3), ("TL104", "TL120")),
    Fault("standardised over both sides", "TL112", "all", prepared("standard")),
    Fault("scaled to a range over both sides", "TL112", "all", prepared("range")),
    Fault("training alone standardised", "TL114", "all", for_classes(other_scale), ("TL121", "TL104")),
    Fault("held-out channels as BGR", "TL118", "all", for_classes(swapped_channels), ("TL114", "TL121", "TL104")),
    Fault("groups on both sides", "TL110", "random split", mixed_groups),
    Fault("random split of data with times", "TL111", "random split", mixed_times),
    Fault("sorted file cut in two", "TL121", "all", sorted_cut, ("TL123", "TL104", "TL114")),
    Fault("other class shares held out", "TL121", "90 % of half", for_classes(other_shares), ("TL123",)),
)
# fmt: on
