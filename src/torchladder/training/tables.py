"""Rows of a table for a model: numbers standardised, words one-hot, gaps marked; fitted on training alone."""

import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import torch

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array

WORDS_MAX = 64  # different words of a column that are told apart
SEEN = 2  # times that a word must be seen to count
UNIQUE = 0.5  # share of different words from which a column names its rows
IDENTITY = re.compile(r"(^|_)(id|uuid|index)$|^unnamed")


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: (value - mean) / std, 0 where it is missing, and a mark for that where it may be."""

    name: str
    mean: float
    std: float
    gaps: bool


@dataclass(frozen=True)
class Words:
    """A column of words, one of which is 1; none where it is a word that training has not."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """How a table becomes numbers; ``told`` says what was left out."""

    columns: tuple[Numbers | Words, ...]
    told: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return sum(1 + c.gaps if isinstance(c, Numbers) else len(c.words) for c in self.columns)


def form_of(columns: dict[str, Array], roles: Set[str | None]) -> Form:
    """Return the form that fits a training side.

    Args:
        columns: Of the training side.
        roles: Columns that mean something else: labels, groups.

    Raises:
        UsageError: If no column is left.
    """
    parts: list[Numbers | Words] = []
    left: list[str] = []
    for name, values in columns.items():
        if name in roles:
            continue
        part = _part(name, values)
        if part is None:
            left.append(f"`{name}`")
        else:
            parts.append(part)
    if not parts:
        msg = f"no column of the table can be learnt from; left out: {', '.join(left) or 'none'}"
        raise UsageError(msg)
    told = (f"columns that do not vary or name their rows are left out: {', '.join(left)}",) if left else ()
    return Form(tuple(parts), told)


def _part(name: str, values: Array) -> Numbers | Words | None:
    """Return how a column is read, None if nothing is to be learnt from it."""
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        there = np.isfinite(numbers)
        different = len(np.unique(numbers[there]))
        if (different < 2 and there.all()) or not there.any():  # noqa: PLR2004 - one value tells nothing
            return None
        if IDENTITY.search(name.lower()) and different == len(values):
            return None
        std = float(numbers[there].std())
        return Numbers(name, float(numbers[there].mean()), std or 1.0, gaps=not bool(there.all()))
    counts = Counter(str(v) for v in values if v is not None)
    if len(counts) > max(WORDS_MAX, UNIQUE * len(values)):
        return None
    words = tuple(w for w, n in counts.most_common(WORDS_MAX) if n >= SEEN)
    return Words(name, words) if words and len(counts) > 1 else None


def rows(columns: dict[str, Array], form: Form) -> torch.Tensor:
    """Return a side's rows as (n, width) float32.

    Raises:
        UsageError: If it has not a column that training has.
    """
    parts: list[Array] = []
    for c in form.columns:
        if c.name not in columns:
            msg = f"a held-out side has no column `{c.name}`, which training has"
            raise UsageError(msg)
        values = columns[c.name]
        if isinstance(c, Words):
            words = np.array(["" if v is None else str(v) for v in values], dtype=object)
            parts.append(np.stack([words == w for w in c.words], axis=1).astype(np.float32))
            continue
        numbers = _numbers(values)
        there = np.isfinite(numbers)
        parts.append(np.where(there, (numbers - c.mean) / c.std, 0.0)[:, None].astype(np.float32))
        if c.gaps:
            parts.append((~there)[:, None].astype(np.float32))
    return torch.from_numpy(np.concatenate(parts, axis=1))


def _numbers(values: Array) -> Array:
    """Return values as floats, NaN where they are none."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    made = np.full(len(values), np.nan)
    for i, v in enumerate(values):
        try:
            made[i] = float(v)
        except (TypeError, ValueError):
            continue
    return made


def standardised(train: Array, *others: Array) -> list[torch.Tensor]:
    """Return arrays of numbers with the training side's mean 0 and standard deviation 1, column by column if flat."""
    axis = 0 if train.ndim == 2 else None  # noqa: PLR2004 - (samples, columns)
    mean, std = np.nanmean(train.astype(np.float64), axis), np.nanstd(train.astype(np.float64), axis)
    std = np.where(std > 0, std, 1.0)
    made = [
        np.nan_to_num((a.astype(np.float64) - mean) / std, nan=0.0, posinf=0.0, neginf=0.0) for a in (train, *others)
    ]
    return [torch.from_numpy(m.astype(np.float32)) for m in made]
