"""Predictions as arrays: ``output`` and ``target`` as a watched run keeps them, or arrays of other usual names."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.mistakes.assemble import VALUES, as_names, confidence_of, numbered, ordered, refuse_empty
from torchladder.mistakes.columns import LABEL, PREDICTION, SINGLE, VECTOR, Asked
from torchladder.mistakes.predictions import Array, Ints, Predictions
from torchladder.mistakes.scores import Scored, scored, two_class
from torchladder.sets.roles import GROUPS

OUTPUT = ("output", "outputs", *VECTOR, *SINGLE)
NAMES = ("classes", "class_names", "names", "label_names")
POSITIONS_MAX = 2_000_000  # of outputs with several answers a sample
MATRIX = 2
IGNORED = "{n:,} targets below 0 are left out"


def from_arrays(arrays: Mapping[str, Any], asked: Asked, source: str) -> Predictions:
    """Return the predictions that named arrays hold.

    Raises:
        UsageError: If labels or answers are not among them, do not fit, or are values.
    """
    known = {n: np.asarray(a) for n, a in arrays.items()}
    target = _one(known, asked.label, LABEL)
    output = _one(known, asked.scores, OUTPUT)
    answer = _one(known, asked.prediction, PREDICTION, without=output)
    if target is None or (output is None and answer is None):
        missing = "labels" if target is None else "outputs or predictions"
        msg = f"{source} has no array of {missing} by its name; its arrays are {', '.join(known) or 'none'}"
        raise UsageError(msg)
    classes = _one(known, None, NAMES)
    y = known[target]
    told = [f"labels are `{target}`, {'outputs' if output else 'predictions'} are `{output or answer}`"]
    if output is None:
        assert answer is not None
        return _answers(known[answer], y, classes and known[classes], told, source, _group(known, asked))
    made, truth, rows, several = _paired(known[output].astype(float, copy=False), y, source)
    told.append(f"the outputs are read as {made.kind}")
    names = tuple(str(n) for n in known[classes]) if classes else tuple(str(i) for i in range(made.scores.shape[1]))
    guess = made.scores.argmax(axis=1)
    if answer is not None and known[answer].shape == truth.shape and known[answer].dtype.kind in "iu":
        guess = known[answer].astype(np.int64)
    keep = (truth >= 0) & np.isfinite(made.scores).all(axis=1)
    if not keep.all():
        told.append(_left_out(truth, made))
    if several:
        told.append("each sample has several answers: every position counts as one, and neighbours are not independent")
    refuse_empty(int(keep.sum()), source)
    if int(max(truth[keep].max(), guess[keep].max())) >= len(names):
        msg = f"{source}: the label {int(truth[keep].max())} has no output; there are {len(names)}"
        raise UsageError(msg)
    made = Scored(made.scores[keep], made.proba[keep] if made.proba is not None else None, made.kind)
    ids = tuple(f"sample {i}" for i in rows[keep]) if not several else tuple(f"position {i}" for i in rows[keep])
    groups = _group(known, asked)
    fits = groups is not None and len(groups) == len(keep)
    return Predictions(
        source, ids, rows[keep], names, truth[keep], guess[keep], made.scores, made.proba,
        confidence_of(made, guess[keep]), groups[keep] if fits and groups is not None else None, told=tuple(told),
    )  # fmt: skip


def _left_out(truth: Ints, made: Scored) -> str:
    ignored = int((truth < 0).sum())
    broken = int((~np.isfinite(made.scores).all(axis=1)).sum())
    parts = [IGNORED.format(n=ignored)] if ignored else []
    parts += (
        [f"{broken:,} outputs that are no numbers are left out: the model itself is broken there"] if broken else []
    )
    return "; ".join(parts)


def _one(known: Mapping[str, Array], wanted: str | None, names: tuple[str, ...], without: str | None = None) -> Any:
    if wanted is not None:
        if wanted not in known:
            msg = f"there is no array {wanted!r}; there are {', '.join(known) or 'none'}"
            raise UsageError(msg)
        return wanted
    return next((n for k in names for n in known if n.lower() == k and n != without), None)


def _group(known: Mapping[str, Array], asked: Asked) -> Array | None:
    name = _one(known, asked.group, GROUPS)
    return np.array([str(v) for v in known[name]], dtype=object) if name else None


def _answers(
    answer: Array, y: Array, classes: Array | None, told: list[str], source: str, groups: Array | None
) -> Predictions:
    """Return predictions without scores."""
    if answer.shape != y.shape or answer.ndim != 1:
        msg = f"{source}: predictions {list(answer.shape)} and labels {list(y.shape)} do not pair up"
        raise UsageError(msg)
    refuse_empty(len(y), source)
    true, given = as_names(y, source), as_names(answer, source)
    names = ordered({*true.tolist(), *given.tolist()})
    shown = names
    if classes is not None and all(n.isdecimal() and int(n) < len(classes) for n in names):
        shown = tuple(str(classes[int(n)]) for n in names)
    ids = tuple(f"sample {i}" for i in range(len(y)))
    fits = groups is not None and len(groups) == len(y)
    return Predictions(
        source, ids, np.arange(len(y)), shown, numbered(true, names), numbered(given, names),
        groups=groups if fits else None, told=tuple(told),
    )  # fmt: skip


def _paired(output: Array, y: Array, source: str) -> tuple[Scored, Ints, Ints, bool]:
    """Return scores (M, K), truth (M,), the sample of each, and whether a sample has several."""
    if output.ndim == y.ndim == MATRIX and output.shape == y.shape and output.shape[1] > 1 and _one_hot(y):
        y = y.argmax(axis=1)
    whole = y.dtype.kind in "iub" or (y.dtype.kind == "f" and bool((y == np.round(y)).all()))
    if whole and output.ndim >= MATRIX:
        for axis in (1, output.ndim - 1):
            if output.shape[:axis] + output.shape[axis + 1 :] == y.shape and output.shape[axis] > 1:
                return _flat(np.moveaxis(output, axis, -1), y)
    if output.size == y.size and bool(np.isin(y, (0, 1)).all()):
        truth = y.reshape(-1).astype(np.int64)
        return two_class(output.reshape(-1)), truth, np.arange(len(truth)), output.size > len(output)
    if not whole or output.size == y.size:
        raise UsageError(VALUES.format(source=source, example="the outputs have one number a label"))
    msg = f"{source}: outputs {list(output.shape)} and labels {list(y.shape)} do not pair up"
    raise UsageError(msg)


def _one_hot(y: Array) -> bool:
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _flat(output: Array, y: Array) -> tuple[Scored, Ints, Ints, bool]:
    k = output.shape[-1]
    flat, truth = output.reshape(-1, k), y.reshape(-1).astype(np.int64)
    rows = np.arange(len(truth))
    if len(rows) > POSITIONS_MAX:
        rows = np.unique(np.linspace(0, len(rows) - 1, POSITIONS_MAX).astype(np.int64))
        flat, truth = flat[rows], truth[rows]
    finite = np.where(np.isfinite(flat).all(axis=1, keepdims=True), flat, 0.0)
    made = scored(finite)
    scores = np.where(np.isfinite(flat).all(axis=1, keepdims=True), made.scores, np.nan)
    return Scored(scores, made.proba, made.kind), truth, rows, y.ndim > 1
