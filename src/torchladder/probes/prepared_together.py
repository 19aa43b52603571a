"""Was a table prepared with figures of both sides? Asked of the samples; the line is looked up in the source.

A scaler that was fitted before the split leaves both sides together, and neither alone, with mean 0 and deviation 1.
"""

import ast
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.findings import Place
from torchladder.core.shift_facts import PreparationFact
from torchladder.data.examine import Samples
from torchladder.data.preparation import Moments, prepared

TABLE = 2
FITS = {"fit_transform", "fit"}
MAKERS = ("Scaler", "Transformer", "Normalizer")  # how classes are called that learn a scale from what they are given
BOTH = {"mean", "std"}


def prepared_together(train: Samples, held: Sequence[Samples], place: Place | None) -> PreparationFact | None:
    """Return how training was prepared together with a held-out side, or with all of them; None where it was not.

    Args:
        train: The training side.
        held: The held-out sides.
        place: A line of the user's file that is given the samples.
    """
    table = _table(train)
    tables = [t for s in held if (t := _table(s)) is not None]
    if table is None or not tables or len(tables) < len(held) or len({t.shape[1] for t in [table, *tables]}) > 1:
        return None
    tries = [(i, t) for i, t in enumerate(tables)] + ([(0, np.concatenate(tables))] if len(tables) > 1 else [])
    for number, other in tries:
        found = prepared(_moments(table), _moments(other), (), number)
        if found is not None:
            return dataclasses.replace(found, place=place and (fitting_line(place) or place))
    return None


def _table(side: Samples) -> NDArray[np.float64] | None:
    """Return the rows of a side, as they entered where none are stored; None unless they are finite numbers."""
    found = side.x if side.x is not None and side.complete else side.entry
    if found is None or found.ndim != TABLE or found.dtype.kind != "f":
        return None
    if found is side.entry:  # the same rows come again with each evaluation; rows that never came leave nothing exact
        found = np.unique(found, axis=0)
    x = found.astype(np.float64)
    return x if np.isfinite(x).all() else None


def _moments(x: NDArray[np.float64]) -> Moments:
    mean = x.mean(0)
    n: NDArray[Any] = np.full(x.shape[1], len(x))
    return {"n": n, "mean": mean, "squares": ((x - mean) ** 2).sum(0), "low": x.min(0), "high": x.max(0)}


def fitting_line(place: Place) -> Place | None:
    """Return the last line above ``place`` that fits a scale, or uses a mean and a deviation; None if none does."""
    try:
        tree = ast.parse(Path(place.path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    lines = [line for line in _fits(tree) if line <= place.line]
    return Place(place.path, max(lines)) if lines else None


def _fits(tree: ast.Module) -> Iterator[int]:
    scalers = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _makes_scaler(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FITS:
            owner = node.func.value
            if _makes_scaler(owner) or (isinstance(owner, ast.Name) and owner.id in scalers):
                yield node.lineno
        elif isinstance(node, ast.Assign | ast.AugAssign):
            called = {
                c.func.attr
                for c in ast.walk(node.value)
                if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute)
            }
            if called >= BOTH:
                yield node.lineno


def _makes_scaler(node: ast.expr) -> bool:
    """Tell whether an expression makes, or makes and fits, an object that learns a scale."""
    return any(
        isinstance(c, ast.Call)
        and (c.func.attr if isinstance(c.func, ast.Attribute) else getattr(c.func, "id", "")).endswith(MAKERS)
        for c in ast.walk(node)
    )
