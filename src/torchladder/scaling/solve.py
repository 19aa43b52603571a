"""The numbers of a law from runs: a Huber loss on the residuals of the log loss, from many starts.

Source:
    Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, section 3.3 (form, Huber loss, L-BFGS from a
    grid of starts). Besiroglu et al., Chinchilla Scaling: A replication attempt, 2024: that fit stopped early because
    its objective was averaged and so too flat for the optimizer's tolerance. Here residuals are divided by the Huber
    width and summed, and the tolerance is far below what that makes of a converged fit.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls

from torchladder.scaling.curves import Curve, Term
from torchladder.scaling.runs import Law

Vector = NDArray[np.float64]

EXPONENTS = (0.1, 0.25, 0.5, 1.0, 2.0)  # starts, for each size
STEEPEST = 6.0  # no exponent is above it: a loss that falls faster is no power law
SMALLEST = 1e-6  # least floor and term, as a share of the smallest loss: below it a term is absent
LEAST = 0.05  # the same for a start: a term that starts at nothing has no gradient
TOLERANCE = 1e-12
ITERATIONS = 2000
FINALISTS = 3
REFINEMENTS, NO_GAIN, STILL = 150, 1e-7, 4  # steps, and gains too small to go on
DAMPING, STIFF, TINY = 1e-6, 1e8, 1e-12


class Problem:
    """Log sizes (n, k), centred so that coefficient and exponent are told apart, and log losses (n,)."""

    def __init__(self, sizes: Vector, losses: Vector, delta: float) -> None:
        logs = np.log(sizes)
        self.centre = logs.mean(axis=0)
        self.x: Vector = logs - self.centre
        self.y: Vector = np.log(losses)
        self.delta = delta

    def terms(self, theta: Vector) -> Vector:
        """Return the log of floor and terms at each run, (n, 1 + k); theta is e, then all a, then all exponents."""
        k = self.x.shape[1]
        return np.column_stack([np.full(len(self.x), theta[0]), theta[1 : k + 1] - theta[k + 1 :] * self.x])

    def residuals(self, theta: Vector) -> Vector:
        """Return the predicted log losses less the seen ones."""
        return np.asarray(np.logaddexp.reduce(self.terms(theta), axis=1) - self.y)

    def objective(self, theta: Vector) -> tuple[float, Vector]:
        """Return the summed Huber loss and its gradient."""
        terms = self.terms(theta)
        total = np.logaddexp.reduce(terms, axis=1)
        scaled = (total - self.y) / self.delta
        inside = np.abs(scaled) <= 1
        value = np.where(inside, 0.5 * scaled**2, np.abs(scaled) - 0.5).sum()
        slope = np.clip(scaled, -1, 1) / self.delta
        weights = np.exp(terms - total[:, None]) * slope[:, None]
        return float(value), np.concatenate([weights.sum(axis=0), -(weights[:, 1:] * self.x).sum(axis=0)])

    def bounds(self) -> list[tuple[float, float]]:
        """Return the range of each number."""
        k = self.x.shape[1]
        lowest, highest = float(self.y.min()), float(self.y.max())
        widest = STEEPEST * float(np.abs(self.x).max())
        least = lowest + float(np.log(SMALLEST))
        return [(least, lowest), *[(least, highest + widest)] * k, *[(0.0, STEEPEST)] * k]

    def starts(self) -> list[Vector]:
        """Return one start for each choice of exponents: given those, the rest is a linear problem."""
        found = []
        seen = np.exp(self.y)
        for exponents in product(EXPONENTS, repeat=self.x.shape[1]):
            design = np.column_stack([np.ones(len(seen)), np.exp(-np.array(exponents) * self.x)]) / seen[:, None]
            solved, _ = nnls(design, np.ones(len(seen)))
            solved = np.maximum(solved, LEAST * seen.min())
            found.append(np.concatenate([np.log(solved), exponents]))
        return found

    def solve(self, starts: Sequence[Vector]) -> tuple[Vector, float]:
        """Return the best numbers over all starts, and the objective they reach."""
        bounds = self.bounds()
        low, high = np.array(bounds).T
        options = {"maxiter": ITERATIONS, "ftol": TOLERANCE, "gtol": TOLERANCE}
        best: tuple[Vector, float] = (np.clip(starts[0], low, high), np.inf)
        for start in starts:
            found = minimize(
                self.objective, np.clip(start, low, high), jac=True, method="L-BFGS-B", bounds=bounds, options=options
            )
            if found.fun < best[1]:
                best = np.asarray(found.x), float(found.fun)
        return best

    def settle(self, starts: Sequence[Vector]) -> Vector:
        """Return the best numbers over many starts: all are refined, and the best few solved to the end."""
        refined = [self.refine(start) for start in starts]
        refined.sort(key=lambda theta: self.objective(theta)[0])
        return self.solve(refined[:FINALISTS])[0]

    def refine(self, start: Vector) -> Vector:
        """Return the best numbers near a start: reweighted least squares, damped; for losses redrawn around a fit.

        It needs a tenth of the time of ``solve`` and meets it to many more digits than redrawn losses differ by.
        """
        low, high = np.array(self.bounds()).T
        theta = np.clip(start, low, high)
        value, gradient = self.objective(theta)
        damping, still = DAMPING, 0
        for _ in range(REFINEMENTS):
            step = self._step(theta, gradient, damping)
            tried = np.clip(theta + step, low, high)
            found, slope = self.objective(tried)
            if not found < value:
                damping *= 10
                still += 1
            else:
                still = still + 1 if value - found < NO_GAIN * value else 0
                theta, value, gradient, damping = tried, found, slope, max(damping / 10, DAMPING)
            if still >= STILL or damping > STIFF:
                break
        return np.asarray(theta)

    def _step(self, theta: Vector, gradient: Vector, damping: float) -> Vector:
        """Return a damped Gauss-Newton step of the objective."""
        terms = self.terms(theta)
        total = np.logaddexp.reduce(terms, axis=1)
        shares = np.exp(terms - total[:, None])
        jacobian = np.hstack([shares, -shares[:, 1:] * self.x])
        weights = 1 / np.maximum(np.abs(total - self.y) / self.delta, 1) / self.delta**2
        normal = (jacobian * weights[:, None]).T @ jacobian
        normal += damping * np.diag(np.maximum(np.diag(normal), TINY))
        return np.asarray(-np.linalg.solve(normal, gradient))

    def curve(self, theta: Vector, law: Law) -> Curve:
        """Return the law with these numbers, its sizes no longer centred."""
        k = len(law.value)
        terms = tuple(
            Term(name, float(np.exp(theta[1 + i] + theta[1 + k + i] * self.centre[i])), float(theta[1 + k + i]))
            for i, name in enumerate(law.value)
        )
        return Curve(float(np.exp(theta[0])), terms)
