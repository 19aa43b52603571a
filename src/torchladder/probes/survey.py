"""The survey: at the end of an observed run, samples of both sides are read and compared.

Reading is free here, since the program is over; the random states are put back all the same.
"""

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from torchladder.core.data_facts import RereadFact, SideFact, SurveyFact, TransformFact, WorkerFact
from torchladder.data import examine
from torchladder.data.examine import Samples
from torchladder.probes import columns, datasets
from torchladder.probes.capture import Capture, Source
from torchladder.probes.datasets import Stored
from torchladder.probes.splits import Splits

if TYPE_CHECKING:
    from torchladder.probes.session import Session

SECONDS = 4.0  # for everything
HELD = 3  # held-out sides compared of a stage
STORED = 20_000  # rows read of a tensor that batches are drawn from
WITH_TRANSFORM = ("transform", "transforms", "augment", "augmentation", "aug", "tfm", "tfms")
TRANSFORM_ROWS = 600


class Side:
    """A source with what could be read behind it."""

    def __init__(self, source: Source, splits: Splits) -> None:
        self.source = source
        self.samples = Samples(source.classes, entry=source.x(), entry_y=source.y(), sizes=source.sizes)
        self.stored: Stored | None = None
        self.data = source.seen.loader.dataset if source.seen is not None else None
        self.made = splits.made(self.data) if self.data is not None else None
        if source.seen is not None:
            self._read_loader(source)
        else:
            self._read_tensors(source)

    def _read_loader(self, source: Source) -> None:
        self.stored = datasets.read(source.seen.loader, source.x_index, source.y_index)
        s = self.samples
        places = datasets.positions(source.seen.loader)
        s.total = len(places) if places is not None else None
        if self.stored is not None:
            s.x, s.y, s.rows = self.stored.x, self.stored.y, self.stored.rows
            s.complete = self.stored.complete

    def _read_tensors(self, source: Source) -> None:
        s = self.samples
        if not source.x_chain:
            return
        x = source.x_chain[0]
        y = next((c for c in source.y_chain if c.shape[0] == x.shape[0]), None)
        s.total = x.shape[0]
        s.x = datasets._array(x[:STORED])  # noqa: SLF001 - one family of files
        if y is not None and y.numel() == y.shape[0]:
            s.y = datasets._array(y[:STORED]).reshape(-1)  # noqa: SLF001
        s.rows = np.arange(len(s.x), dtype=np.int64)
        s.complete = len(s.x) == s.total

    def whole(self) -> Samples | None:
        """Return the longest list that both inputs and labels were cut from, None when it is this one."""
        x = self.source.x_chain[-1] if self.source.x_chain else None
        y = next((c for c in reversed(self.source.y_chain) if x is not None and len(c) == len(x)), None)
        if x is None or y is None or len(x) == self.samples.total or len(x) > STORED or y.numel() != len(y):
            return None
        arrays = datasets._array(x), datasets._array(y).reshape(-1)  # noqa: SLF001
        return Samples(self.samples.classes, *arrays, rows=np.arange(len(x)), complete=True, total=len(x))

    def fact(self, role: str, loaders: list[Any]) -> SideFact:
        """Return the row of this side."""
        s = self.samples
        return SideFact(
            role=role,
            loader=next((i for i, seen in enumerate(loaders) if seen is self.source.seen), None),
            made=self.made,
            call=self.source.place,
            rows=s.total,
            read=len(s.x) if s.x is not None else self.source.rows,
            complete=s.complete,
            classes=s.classes,
            **examine.side_figures(s),
            **examine.label_figures(s),
        )


class Survey:
    """The probe."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.capture = Capture(session)
        self.splits = Splits()

    def install(self) -> None:
        """Listen to calls, slices and the making of data sets."""
        evaluations: Any = self.session.probes["evaluations"]
        self.capture.install(evaluations.on_settled)
        self.splits.install()

    def facts(self) -> dict[str, Any]:
        """Return one row a stage; nothing in runs that are experiments of another kind."""
        if not self.session.reads_data:
            return {}
        started = time.monotonic()
        rows = []
        with datasets.same_randomness():
            for stage in sorted({s.stage for s in self.capture.sources.values()}):
                if time.monotonic() - started < SECONDS:
                    row = self._stage(stage, started + SECONDS)
                    rows += [row] if row is not None else []
        return {"surveys": tuple(rows)}

    def _stage(self, stage: int, until: float) -> SurveyFact | None:
        loaders = list(self.session.loaders.table.values())
        sources = [s for s in self.capture.sources.values() if s.stage == stage]
        trained = [s for s in sources if self._is_training(s)]
        if not trained:
            return None
        first = max(trained, key=lambda s: s.rows)
        train = Side(first, self.splits)
        held: list[Side] = []
        for source in self._held(sources, trained, first):
            if len(held) < HELD and time.monotonic() < until:
                held.append(Side(source, self.splits))
        fact = SurveyFact(
            stage, first.phase, train.fact("train", loaders), tuple(h.fact("held-out", loaders) for h in held)
        )
        return self._compared(fact, train, held, until)

    def _is_training(self, source: Source) -> bool:
        return self.session.loaders.is_trained(source.seen) if source.seen is not None else source.trained

    def _held(self, sources: list[Source], trained: list[Source], first: Source) -> list[Source]:
        """Return what is only judged by, one source a data set, of the models this stage trains."""
        ours = {s.root for s in trained}
        others = {s.root for s in self.capture.sources.values() if self._is_training(s)} - ours
        found: dict[Any, Source] = {}
        for s in sources:
            if s in trained or s.root in others or s.rows == 0:
                continue
            if s.seen is None and (not s.ys or _same_tensor(s, first)):
                continue
            key = s.seen.loader.dataset if s.seen is not None else None
            found.setdefault(id(key) if key is not None else id(s), s)
        return list(found.values())

    def _compared(self, fact: SurveyFact, train: Side, held: list[Side], until: float) -> SurveyFact:
        """Return the row with what each further look adds, as long as there is time; a failed look is named."""
        parts: dict[str, Any] = {}
        looks: dict[str, Any] = {
            "overlaps": lambda: tuple(o for i, h in enumerate(held) if (o := self._overlap(train, h, i)) is not None),
            "mismatches": lambda: tuple(
                m for i, h in enumerate(held) if (m := examine.mismatch(train.samples, h.samples, i)) is not None
            ),
            "alignments": lambda: self._alignments(train, held),
            "stump": lambda: self._stump(train),
            "rereads": lambda: self._rereads(train, held),
            "workers": lambda: self._workers(train),
            "transform": lambda: self._transform(train),
            "noise": lambda: self._noise(train, held),
        }
        for name, look in looks.items():
            if time.monotonic() > until:
                break
            try:
                parts[name] = look()
            except Exception as error:
                self.session.failed(f"survey {name}", error)
        return dataclasses.replace(fact, **parts)

    def _overlap(self, train: Side, held: Side, number: int) -> Any:
        if train.stored is not None and held.stored is not None and held.data is train.data:
            a, b = (datasets.positions(x.source.seen.loader) for x in (train, held))
            if a is not None and b is not None and len(a) == len(b) and (a == b).all():
                return None  # the training set itself is judged by: another rule's matter
        row = examine.overlaps(train.samples, held.samples, number, _same_rows(train, held))
        split = [p for p in (held.made, *reversed(self.splits.lines)) if p is not None]
        return None if row is None else dataclasses.replace(row, split=tuple(dict.fromkeys(split)))

    @staticmethod
    def _alignments(train: Side, held: list[Side]) -> Any:
        found = examine.alignments(train.samples, [h.samples for h in held])
        whole = train.whole()
        return (*found, *(examine.alignments(whole, []) if whole is not None else ()))

    @staticmethod
    def _stump(train: Side) -> Any:
        row = examine.stump(train.samples)
        if row is None:
            return None
        name, place = columns.column(row.columns, row.column)
        return dataclasses.replace(row, name=name, place=place)

    @staticmethod
    def _noise(train: Side, held: list[Side]) -> Any:
        rows = [examine.noise(s.samples, i) for i, s in enumerate([train, *held[:1]], start=-1)]
        return tuple(r for r in rows if r is not None)

    @staticmethod
    def _rereads(train: Side, held: list[Side]) -> Any:
        rows = []
        for i, side in enumerate([train, *held], start=-1):
            if side.source.seen is None or side.stored is None or _fixed(side.stored.base):
                continue
            chosen = side.stored.rows[:: max(len(side.stored.rows) // datasets.TWICE, 1)][: datasets.TWICE]
            loader = side.source.seen.loader
            first, second = (datasets.readings(loader.dataset, chosen, loader.collate_fn) for _ in range(2))
            row = _reread(i, first, second, side.source)
            rows += [row] if row is not None else []
        return tuple(rows)

    def _workers(self, train: Side) -> WorkerFact | None:
        seen = train.source.seen
        if seen is None or seen.loader.num_workers == 0 or train.stored is None or _fixed(train.stored.base):
            return None
        first, second = datasets.in_workers(seen.loader, int(train.stored.rows[0]))
        number = list(self.session.loaders.table.values()).index(seen)
        return WorkerFact(
            number,
            int(seen.loader.num_workers),
            random=not np.array_equal(first[0], first[2]),
            same_in_workers=np.array_equal(first[0], first[1]),
            same_in_epochs=np.array_equal(first[0], second[0]),
            place=seen.place,
        )

    def _transform(self, train: Side) -> TransformFact | None:
        """Read training samples with and without the data set's own transform."""
        base = train.stored.base if train.stored is not None else None
        name = next((n for n in WITH_TRANSFORM if callable(getattr(base, n, None))), None)
        if train.stored is None or name is None or name in vars(type(base)) or train.samples.classes is not True:
            return None
        loader, kept = train.source.seen.loader, getattr(base, name)
        rows = train.stored.rows[:: max(len(train.stored.rows) // TRANSFORM_ROWS, 1)][:TRANSFORM_ROWS]
        x_index, y_index = train.source.x_index, train.source.y_index
        if x_index is None or y_index is None:
            return None
        setattr(base, name, None)
        try:
            raw = [_bare(loader.dataset[int(i)], x_index) for i in rows]
        finally:
            setattr(base, name, kept)
        made = datasets.readings(loader.dataset, rows, loader.collate_fn)
        x, y = np.stack([m[x_index][0] for m in made]), np.concatenate([m[y_index].reshape(-1) for m in made])
        if any(r is None or r.shape != raw[0].shape for r in raw) or not examine.learnable(y, classes=True):
            return None
        before = np.stack(raw)
        raw_score, chance, raw_probe, majority = examine.label_reading(before, y)
        score, _, probe, _ = examine.label_reading(x, y)
        return TransformFact(
            name, len(y), raw_score, score, chance, raw_probe, probe, majority,
            examine.flat_share(before) or 0.0, examine.flat_share(x) or 0.0, train.made,
        )  # fmt: skip


def _same_tensor(held: Source, train: Source) -> bool:
    """Tell whether a source without loader is the training tensor itself, asked again."""
    ours, theirs = train.x_chain[:1], held.x_chain[:1]
    if not ours or not theirs:
        return False
    whole = held.xs and theirs[0].shape[0] == held.xs[0].shape[0]
    return bool(whole) and ours[0].data_ptr() == theirs[0].data_ptr() and ours[0].shape == theirs[0].shape


def _same_rows(train: Side, held: Side) -> int | None:
    """Return how many held-out samples are rows of the same data set that training has, too."""
    if train.stored is None or held.stored is None or train.stored.base is not held.stored.base:
        return None
    ours, theirs = (datasets.base_rows(side.source.seen.loader) for side in (train, held))
    return int(np.isin(theirs, ours).sum())


def _fixed(base: Any) -> bool:
    """Tell whether a data set is known to give the same sample each time."""
    return type(base) in {torch.utils.data.TensorDataset, list, tuple}


def _reread(side: int, first: Any, second: Any, source: Source) -> RereadFact | None:
    index, labels = source.x_index, source.y_index
    if index is None or not first or any(index >= len(r) for r in (*first, *second)):
        return None
    a, b = ([r[index] for r in readings] for readings in (first, second))
    if any(p.shape != q.shape or p.shape != a[0].shape or p.dtype.kind != "f" for p, q in zip(a, b, strict=True)):
        return None
    differ = float(np.mean([not np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True)]))
    other = 0.0
    if labels is not None:
        other = float(np.mean([not np.array_equal(p[labels], q[labels]) for p, q in zip(first, second, strict=True)]))
    likeness = examine.likeness(np.concatenate(a), np.concatenate(b)) if differ else 0.0
    return RereadFact(side, len(a), differ, other, likeness, source.target_is_sample)


def _bare(item: Any, index: int) -> Any:
    """Return the input of an item that no transform has touched, as an array of floats."""
    parts = list(item.values()) if isinstance(item, dict) else list(item) if isinstance(item, (list, tuple)) else []
    value = parts[index] if index < len(parts) else None
    if value is None or isinstance(value, (str, bytes)):
        return None
    array = np.asarray(value, dtype=np.float32)
    return array if array.ndim else None
