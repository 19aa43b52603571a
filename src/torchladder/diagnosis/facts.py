"""The curves of a log as facts: thinned to what a judgement needs, with best value and break exact."""

import numpy as np

from torchladder.core.log_facts import LogFact, SeriesFact
from torchladder.logs.curves import Curve, Log

POINTS = 400  # of a thinned curve: twenty to each of the twenty windows it is judged by
LOST = 2  # last values that are no numbers; one may be a slip of the program that logs


def log_fact(log: Log) -> LogFact:
    """Return a log as the rules read it."""
    train, held = _series(log, log.train), _series(log, log.held)
    return LogFact(
        log.table.source,
        log.unit,
        train,
        held,
        _series(log, log.train_score),
        _series(log, log.held_score),
        log.alike,
        _series(log, log.lr),
        log.resumed,
    )


def _series(log: Log, curve: Curve | None) -> SeriesFact | None:
    if curve is None:
        return None
    finite = np.isfinite(curve.values)
    lost = _lost(curve, finite)
    xs, values, rows = curve.xs[finite], curve.values[finite], curve.rows[finite]
    if not len(values):
        return SeriesFact(curve.name, curve.direction, (), (), len(curve.values), lost=lost)
    at = int(np.argmax(values) if curve.direction == "max" else np.argmin(values))
    best = float(xs[at]), float(values[at])
    if len(values) > POINTS:
        cuts = np.linspace(0, len(values), POINTS + 1).astype(int)
        clipped = _without_spikes(values)
        values = np.add.reduceat(clipped, cuts[:-1]) / np.diff(cuts)
        first = xs[0]
        xs, rows = xs[cuts[1:] - 1], rows[cuts[:-1]]
        xs[0] = first
    lines = tuple(n for n in (log.table.line(int(r)) for r in rows) if n is not None)
    return SeriesFact(
        curve.name, curve.direction, tuple(map(float, xs)), tuple(map(float, values)), len(curve.values), *best, lost,
        lines if len(lines) == len(xs) else (),
    )  # fmt: skip


def _lost(curve: Curve, finite: np.ndarray) -> float | None:
    """Return where the values stop being numbers for good."""
    if not len(finite) or finite[-LOST:].any():
        return None
    known = np.flatnonzero(finite)
    return float(curve.xs[known[-1] + 1 if len(known) else 0])


def _without_spikes(values: np.ndarray) -> np.ndarray:
    """Return the values with single ones that would be all of their mean cut down to ten times the usual largest."""
    top = float(np.quantile(values, 0.99))
    return np.minimum(values, 10 * top) if top > 0 else values
