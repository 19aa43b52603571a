"""The data as it lies: sides opened, read into memory, unlabelled samples left out, a held-out part carved."""

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.errors import UsageError
from torchladder.inspection.labels import are_classes, is_missing
from torchladder.sets.block import Array, Kind
from torchladder.sets.open import open_set
from torchladder.sets.roles import following
from torchladder.sets.source import Columns, Source
from torchladder.training.held import GIGABYTE, Fit, Held, OnDisk, too_large, without_margin
from torchladder.training.pictures import size_of
from torchladder.training.recipe import Data

GROUPS_FEWEST = 3  # so that neither side is a single group


@dataclass
class Raw:
    """Samples of one side as they were read, with their labels.

    Attributes:
        samples: Pictures, texts or rows of an array; None for a table.
        columns: Of a table, by name.
        roles: Columns that are no inputs: labels, groups, times.
        names: What the user would call each sample.
        size: Height and width that pictures were brought to; None where they are as they were.
        files: What decodes pictures again; None where nothing does.
    """

    kind: Kind
    labels: Array
    names: list[str]
    samples: Any = None
    columns: dict[str, Array] = field(default_factory=dict)
    groups: Array | None = None
    roles: frozenset[str | None] = frozenset()
    size: tuple[int, int] | None = None
    files: list[OnDisk] | None = None

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.labels)

    def part(self, at: NDArray[np.int64]) -> "Raw":
        """Return some of the samples."""
        samples = [self.samples[i] for i in at] if isinstance(self.samples, list) else None
        if samples is None and self.samples is not None:
            samples = self.samples[at]
        return replace(
            self,
            labels=self.labels[at],
            names=[self.names[i] for i in at],
            samples=samples,
            columns={n: v[at] for n, v in self.columns.items()},
            groups=self.groups[at] if self.groups is not None else None,
            files=[self.files[i] for i in at] if self.files is not None else None,
        )


@dataclass
class Sides:
    """What is learnt from, what chooses, and what is looked at once.

    Attributes:
        classes: Whether labels are classes.
        told: What was inferred or left out, for the report.
        fingerprints: By side, what changes when its files change.
    """

    train: Raw
    val: Raw
    test: Raw | None
    classes: bool
    told: list[str]
    fingerprints: dict[str, str]

    def let_go(self) -> None:
        """Free the samples, once they have been brought into the form that is trained on."""
        for raw in (self.train, self.val, self.test):
            if raw is not None:
                raw.samples, raw.columns, raw.files = None, {}, None


def read_sides(data: Data, fit: Fit | None = None) -> Sides:
    """Return the sides that a recipe names.

    Args:
        data: What the recipe says.
        fit: What pictures may be brought to as they are read; None leaves them as they are.

    Raises:
        UsageError: If there is nothing to learn from, or no labels.
    """
    if not data.train:
        msg = "the recipe names no data: set data.train to a folder or a file"
        raise UsageError(msg)
    asked = Columns(data.label, data.group, None, data.text)
    sources, told = _sources(data, asked)
    raws: dict[str, Raw] = {}
    room = data.memory * GIGABYTE
    for role, source in sorted(sources.items(), key=lambda found: found[0] != "train"):  # which decides the size
        raws[role], words, used = _read(source, fit, room)
        room -= used
        if fit is not None and role == "train" and source.kind is Kind.IMAGES:
            fit = Fit(raws[role].size or size_of(raws[role].samples, None, fit.size))
        told += [f"{role}: {w}" for w in (*source.told, *words)]
    classes = data.task == "classification" if data.task else are_classes(raws["train"].labels)
    if not data.task:
        what = "classes" if classes else "values"
        told.append(f"the labels are taken as {what} (data.task says otherwise)")
    if "val" not in raws:
        raws["train"], raws["val"] = carved(raws["train"], data.val_share, data.split_seed, classes=classes)
        val = raws["val"]
        if val.files is not None and val.size is not None and not isinstance(val.samples[0], OnDisk):
            val.samples = without_margin(val.files, val.size)
        how = "whole groups" if raws["val"].groups is not None else "class by class" if classes else "at random"
        told.append(f"{len(raws['val']):,} samples of train are held out, {how}")
    prints = {role: source.fingerprint() for role, source in sources.items()}
    return Sides(raws["train"], raws["val"], raws.get("test"), classes, told, prints)


def _sources(data: Data, asked: Columns) -> tuple[dict[str, Source], list[str]]:
    """Return the source of each role."""
    opened = open_set(data.train, asked)
    found: dict[str, Source] = {}
    names = {"validation": "val", None: "train"}
    for side, source in opened:
        found[names.get(side, str(side))] = source
    told: list[str] = []
    if "train" not in found:
        role, only = next(iter(found.items()))
        if len(found) > 1:
            msg = f"{data.train} holds {len(found)} sides and none called train"
            raise UsageError(msg)
        told.append(f"{data.train} is called a {role} side, and is learnt from")
        found = {"train": only}
    for role, name in (("val", data.val), ("test", data.test)):
        if name is not None:
            found[role] = _one(name, role, following(found["train"].columns))
    return found, told


def _one(name: str, role: str, asked: Columns) -> Source:
    inside = open_set(name, asked)
    wanted = {"val": "validation", "test": "test"}[role]
    own = [s for side, s in inside if side == wanted] or [s for _, s in inside]
    if len(own) > 1:
        msg = f"data.{role}: {name} holds {len(own)} sides; name one of them"
        raise UsageError(msg)
    return own[0]


def _read(source: Source, fit: Fit | None, room: float) -> tuple[Raw, list[str], int]:
    """Return the labelled samples of a source, what was left out, and the bytes that they take.

    Raises:
        UsageError: If it has no labels, or is larger than what is held in memory.
    """
    samples: list[Any] = []
    held = Held(source, fit, room)
    labels, groups, names, size = [], [], [], 0
    columns: dict[str, list[Array]] = {}
    faults, unlabelled = 0, 0
    for block in source.blocks(0, source.rows if source.rows is not None else 1 << 62):
        faults += sum(f.samples for f in block.faults)
        if not len(block):
            continue
        if block.labels is None or block.labels.ndim != 1:
            hint = "name it with data.label" if source.kind in {Kind.TABLE, Kind.TEXT} else "learning needs them"
            msg = f"{source.name} has no labels; {hint}"
            raise UsageError(msg)
        there = np.flatnonzero(~is_missing(block.labels))
        unlabelled += len(block) - len(there)
        labels.append(block.labels[there])
        names += [block.names[i] for i in there]
        if block.groups is not None:
            groups.append(np.array([str(g) for g in block.groups[there]], dtype=object))
        if block.kind is Kind.IMAGES:
            for i in there:
                held.add(block.images[i], int(block.places[i]))
        elif block.kind is Kind.TEXT:
            samples += [block.texts[i] or "" for i in there]
        elif block.arrays is not None:
            samples.append(block.arrays[there])
            size += samples[-1].nbytes
        for name, values in block.columns.items():
            columns.setdefault(name, []).append(values[there])
        if size > room:
            raise too_large(source.name, room)
    if not names:
        msg = f"{source.name} has no sample with a label"
        raise UsageError(msg)
    told = _told(faults, unlabelled, on_disk=held.on_disk)
    kept: Any = np.concatenate(samples) if source.kind is Kind.ARRAYS else samples
    kept = held.pictures() if source.kind is Kind.IMAGES else kept
    raw = Raw(
        source.kind,
        _joined(labels),
        names,
        kept if source.kind is not Kind.TABLE else None,
        {n: _joined(v) for n, v in columns.items()} if source.kind is Kind.TABLE else {},
        np.concatenate(groups) if groups else None,
        frozenset({source.columns.label, source.columns.group, source.columns.time}),
        held.size,
        held.files() if held.margin else None,
    )
    return raw, told, size + held.bytes


def _told(faults: int, unlabelled: int, *, on_disk: bool) -> list[str]:
    """Return what was left out, and where."""
    told = [f"{faults:,} samples that cannot be read are left out"] if faults else []
    told += [f"{unlabelled:,} samples without a label are left out"] if unlabelled else []
    if on_disk:
        told.append("pictures exceed data.memory and are decoded batch by batch; data.workers: 4 has processes do it")
    return told


def _joined(parts: list[Array]) -> Array:
    """Return blocks of values as one: numbers where all are numbers, else words."""
    if all(p.dtype.kind in "biuf" for p in parts):
        return np.concatenate(parts)
    return np.concatenate([np.array([None if v is None else str(v) for v in p], dtype=object) for p in parts])


def carved(raw: Raw, share: float, seed: int, *, classes: bool) -> tuple[Raw, Raw]:
    """Return what stays and what is held out: whole groups, else a part of every class, else of all.

    Which samples depends on their place and the seed only.

    Raises:
        UsageError: If there are too few samples or groups for two sides.
    """
    if raw.groups is not None:
        units = np.unique(raw.groups)
        if len(units) < GROUPS_FEWEST:
            msg = f"{len(units)} groups are too few to hold some out; name a held-out side with data.val"
            raise UsageError(msg)
        order = np.random.default_rng(seed).permutation(len(units))
        held = set(units[order[: max(1, round(share * len(units)))]])
        out = np.array([g in held for g in raw.groups])
    else:
        out = np.zeros(len(raw), dtype=bool)
        strata = np.array([str(v) for v in raw.labels]) if classes else np.zeros(len(raw), dtype=int)
        for value in np.unique(strata):
            at = np.flatnonzero(strata == value)
            rng = np.random.default_rng([seed, zlib.crc32(str(value).encode())])
            out[rng.permutation(at)[: round(share * len(at))]] = True
        if not out.any() and len(raw) > 1:
            out[np.random.default_rng(seed).integers(len(raw))] = True
    if not out.any() or out.all():
        msg = f"{len(raw)} samples are too few to hold out a share of {share:g}; name a held-out side with data.val"
        raise UsageError(msg)
    return raw.part(np.flatnonzero(~out)), raw.part(np.flatnonzero(out))
