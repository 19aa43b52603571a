"""Fits with their uncertainty: one law, and as many refits to data as likely as the seen ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torchladder.scaling.curves import Curve
from torchladder.scaling.runs import Law, NotFitted, Run, require_fittable
from torchladder.scaling.solve import Problem

HUBER_DELTA = 1e-3  # width of the quadratic part, in log loss (Hoffmann et al. 2022, section 3.3)
DRAWS = 200  # refits: the 5th percentile is then the tenth smallest of them
LEVEL = 0.9  # of the intervals
WIDEST = 2.0  # an interval whose ends differ by more than this factor predicts nothing


@dataclass(frozen=True, slots=True)
class Interval:
    """A prediction with its lower and upper end; ``level`` is the probability it was made for."""

    low: float
    middle: float
    high: float
    level: float

    def __contains__(self, value: float) -> bool:
        """Tell whether a value lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted law.

    Attributes:
        curve: The law itself.
        draws: The laws fitted to redrawn losses: their spread is the uncertainty of ``curve``.
        scatter: Standard deviation of the log loss around the law, in units of log loss.
        spare: Runs beyond the fitted numbers: the degrees of freedom of ``scatter``.
        runs: What it was fitted to.
        seed: Of the redrawn losses.
    """

    law: Law
    curve: Curve
    draws: tuple[Curve, ...]
    scatter: float
    spare: int
    runs: tuple[Run, ...]
    seed: int

    def interval_of(self, values: Sequence[float], middle: float, level: float = LEVEL) -> Interval:
        """Return the interval of a figure that was computed from each of the draws."""
        low, high = np.quantile(np.asarray(values), [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), middle, float(high), level)

    def floor(self, level: float = LEVEL) -> Interval:
        """Return E with its interval."""
        return self.interval_of([c.floor for c in self.draws], self.curve.floor, level)

    def exponent(self, size: str, level: float = LEVEL) -> Interval:
        """Return the exponent of "samples" or "parameters" with its interval."""
        i = self.law.value.index(size)
        return self.interval_of([c.terms[i].exponent for c in self.draws], self.curve.terms[i].exponent, level)

    def coefficient(self, size: str, level: float = LEVEL) -> Interval:
        """Return the coefficient of "samples" or "parameters" with its interval."""
        i = self.law.value.index(size)
        return self.interval_of([c.terms[i].coefficient for c in self.draws], self.curve.terms[i].coefficient, level)


def fit(
    runs: Sequence[Run],
    law: Law,
    *,
    delta: float = HUBER_DELTA,
    scatter_least: float = 0.0,
    draws: int = DRAWS,
    seed: int = 0,
) -> Fit:
    """Fit a law to runs.

    Args:
        runs: At least two sizes more than the law has numbers, over a factor of four in each size.
        law: Which sizes the loss is a function of.
        delta: Residuals of the log loss below it count squared, those above in proportion.
        scatter_least: What repeated runs of one size are known to differ by, in log loss; the intervals never assume
            less.
        draws: Refits. Each takes some milliseconds.
        seed: Of the redrawn losses.

    Returns:
        The law, and ``draws`` refits to losses redrawn around it. Their noise follows Student's t with as many
        degrees of freedom as runs are to spare: with few of them the scatter itself is hardly known.

    Raises:
        NotFitted: When the runs cannot carry the law.
    """
    require_fittable(runs, law)
    sizes = np.array([r.sizes(law) for r in runs], dtype=float)
    problem = Problem(sizes, np.array([r.loss for r in runs], dtype=float), delta)
    best = problem.settle(problem.starts())
    gaps = problem.residuals(best)
    spare = len(runs) - law.unknowns
    scatter = max(float(np.sqrt((gaps**2).sum() / spare)), scatter_least)
    centred = problem.y + gaps
    rng = np.random.default_rng(seed)
    curves = []
    for _ in range(draws):
        problem.y = centred + scatter * rng.standard_t(spare, len(runs))
        curves.append(problem.curve(problem.refine(best), law))
    return Fit(law, problem.curve(best, law), tuple(curves), scatter, spare, tuple(runs), seed)


def predict(
    fitted: Fit,
    *,
    samples: float | None = None,
    parameters: float | None = None,
    level: float = LEVEL,
    widest: float = WIDEST,
) -> Interval:
    """Return the loss that one more run of these sizes is expected to reach.

    The interval holds both what the law is uncertain of and the scatter of a single run.

    Raises:
        NotFitted: When the ends of the interval differ by more than the factor ``widest``.
    """
    rng = np.random.default_rng(fitted.seed + 1)
    noise = np.exp(fitted.scatter * rng.standard_t(fitted.spare, len(fitted.draws)))
    values = [
        c.loss(samples=samples, parameters=parameters) * float(k) for c, k in zip(fitted.draws, noise, strict=True)
    ]
    found = fitted.interval_of(values, fitted.curve.loss(samples=samples, parameters=parameters), level)
    if not found.high <= widest * found.low:
        msg = f"the prediction is too wide to use: between {found.low:.3g} and {found.high:.3g}"
        raise NotFitted(msg)
    return found
