"""One side of the data: what entered the model, and what could be read of the whole it came from."""

from typing import Any

import numpy as np
import torch

from torchladder.core.data_facts import SideFact
from torchladder.data import examine
from torchladder.data.duplicates import keys
from torchladder.data.examine import Samples
from torchladder.probes import datasets
from torchladder.probes.capture import Source
from torchladder.probes.datasets import Stored
from torchladder.probes.splits import Splits

MOSTLY = 0.5  # share of samples that training was given, above which a side is training
STORED = 20_000  # rows read of a tensor that batches are drawn from


class Side:
    """A source with what could be read behind it."""

    def __init__(self, source: Source, splits: Splits) -> None:
        self.source = source
        self.samples = Samples(source.classes, entry=source.x(), entry_y=source.y(), sizes=source.sizes)
        self.stored: Stored | None = None
        self.lost: Exception | None = None  # why its data set cannot be read any more: files may be gone by the end
        self.mixed = False  # whether its rows cannot be told from those of training
        self.data = source.seen.loader.dataset if source.seen is not None else None
        self.made = splits.made(self.data) if self.data is not None else None
        if source.seen is not None:
            self._read_loader(source)
        else:
            self._read_tensors(source)

    def _read_loader(self, source: Source) -> None:
        try:
            self.stored = datasets.read(source.seen.loader, source.x_index, source.y_index)
        except Exception as error:
            self.lost = error
        s = self.samples
        places = datasets.positions(source.seen.loader)
        s.total = len(places) if places is not None else None
        if self.stored is not None:
            s.x, s.y, s.rows = self.stored.x, self.stored.y, self.stored.rows
            s.complete = self.stored.complete

    def _read_tensors(self, source: Source) -> None:
        s = self.samples
        x = self.drawn_from()
        if x is None:
            return
        y = next((c for c in source.y_chain if c.shape[0] == x.shape[0]), None)
        s.total = x.shape[0]
        s.x = datasets.array(x[:STORED])
        if y is not None and y.numel() == y.shape[0]:
            s.y = datasets.array(y[:STORED]).reshape(-1)
        s.rows = np.arange(len(s.x), dtype=np.int64)
        s.complete = len(s.x) == s.total

    def drawn_from(self) -> torch.Tensor | None:
        """Return the tensor that holds all of this side: the input itself where every call was given the same."""
        chain = self.source.x_chain
        if len(self.source.addresses) == 1 or not chain:
            return chain[0] if chain else None
        return chain[1] if len(chain) > 1 else None

    def whole(self) -> Samples | None:
        """Return the longest list that both inputs and labels were cut from, None when it is this one."""
        x = self.source.x_chain[-1] if self.source.x_chain else None
        y = next((c for c in reversed(self.source.y_chain) if x is not None and len(c) == len(x)), None)
        if x is None or y is None or len(x) == self.samples.total or len(x) > STORED or y.numel() != len(y):
            return None
        arrays = datasets.array(x), datasets.array(y).reshape(-1)
        return Samples(self.samples.classes, *arrays, rows=np.arange(len(x)), complete=True, total=len(x))

    def base(self) -> Samples | None:
        """Return all of the data set that this side is a subset of, None when it is not or is too large to read."""
        stored, source = self.stored, self.source
        if stored is None or stored.base is self.data or source.y_index is None:
            return None
        whole = datasets.read_all(stored.base, source.seen.loader.collate_fn, source.x_index, source.y_index)
        if whole is None or whole.y is None or not whole.complete:
            return None
        return Samples(self.samples.classes, whole.x, whole.y, rows=whole.rows, complete=True, total=whole.total)

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


def apart(train: Side, held: Side) -> bool:
    """Tell whether a held-out side is one, where both sides are drawn from the same memory.

    Which rows are whose is then not known: the held-out side is left with what entered the model, and is none
    at all when most of that is what training was given.
    """
    ours, theirs = train.drawn_from(), held.drawn_from()
    if ours is None or theirs is None or ours.device != theirs.device:
        return True
    starts = [t.data_ptr() for t in (ours, theirs)]
    ends = [t.data_ptr() + t.numel() * t.element_size() for t in (ours, theirs)]
    if max(starts) >= min(ends):
        return True
    held.mixed = True
    s, entry = held.samples, train.samples.entry
    s.x = s.y = s.rows = s.total = None
    s.complete = False
    if s.entry is None or entry is None:
        return False
    known = set(keys(entry))
    return sum(k in known for k in keys(s.entry)) < MOSTLY * len(s.entry)


def same_tensor(held: Source, train: Source) -> bool:
    """Tell whether a source without loader is the training tensor itself, asked again."""
    if not train.x_chain or not held.x_chain or len(held.addresses) > 1:
        return False
    asked = (held.x_chain[0].data_ptr(), held.x_chain[0].shape[0])
    return asked in {(t.data_ptr(), t.shape[0]) for t in train.x_chain[: 1 + (len(train.addresses) > 1)]}


def same_rows(train: Side, held: Side) -> int | None:
    """Return how many held-out samples are rows of the same data set that training has, too."""
    if train.stored is None or held.stored is None or train.stored.base is not held.stored.base:
        return None
    ours, theirs = (datasets.base_rows(side.source.seen.loader) for side in (train, held))
    return int(np.isin(theirs, ours).sum())
