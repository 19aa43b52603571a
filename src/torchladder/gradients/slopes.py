"""The derivative along a direction from differences of values: quick where that suffices, careful where it decides.

The careful form takes central differences over eleven steps, each a quarter of the one before, and Richardson's
extrapolation of neighbours. The figure on which neighbours agree best is the derivative, their disagreement its error.

Source:
    Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4 (1982).
"""

import math
from dataclasses import dataclass

import torch

from torchladder.gradients.problem import Leaf, Problem, Tensor

QUICK = 1e-6  # step relative to the tensor's size: truncation 1e-12, rounding 1e-10, few kinks within reach
WIDE = 1e-3  # the step that tells a small slope from zero
LADDER = tuple(4.0**-k for k in range(3, 14))
FLAT = slice(4, 7)  # steps at which a smooth function moves even in float32, and a step function stands still
FAR = (0.25, 1.0)
BEND = 1e-4  # one-sided slopes that differ by more at the smallest steps make a kink
SAME_GAP = 0.5  # a kink's gap stays while the step shrinks; a smooth function's shrinks with it
EPSILON = 2.2e-16


@dataclass(frozen=True, slots=True)
class Slope:
    """A derivative along a direction: its value, how wrong that may be, and whether there is one at all.

    Attributes:
        kink: One-sided slopes differ at the point itself.
        stairs: The function stands still nearby and jumps farther off.
    """

    value: float
    error: float
    kink: bool = False
    stairs: bool = False


class Meter:
    """Measures slopes at one point; counts what that costs."""

    def __init__(self, problem: Problem, outputs: Tensor, cotangent: Tensor) -> None:
        self.problem, self.cotangent = problem, cotangent
        self.finite = torch.isfinite(outputs)
        self.outputs = torch.where(self.finite, outputs, torch.zeros_like(outputs))
        self.evaluations = 0
        self.magnitude = float((cotangent * self.outputs).norm())

    def noise(self, step: float) -> float:
        """Return what rounding alone can make of a slope."""
        return 1e3 * EPSILON * self.magnitude / step

    def _at(self, leaf: Leaf, value: Tensor) -> Tensor:
        leaf.value.copy_(value)
        self.evaluations += 1
        try:
            found = self.problem.outputs()
        except Exception:  # beside a point there may be values that a function refuses, such as targets above 1
            return torch.full_like(self.outputs, math.nan)
        if found.shape != self.outputs.shape:
            return torch.full_like(self.outputs, math.nan)
        return torch.where(self.finite, found, self.outputs)

    def sides(self, leaf: Leaf, direction: Tensor, step: float) -> tuple[float, float]:
        """Return the slopes to the right and to the left of the point."""
        base = leaf.value.clone()
        try:
            right = self._at(leaf, base + step * direction)
            left = self._at(leaf, base - step * direction)
        finally:
            leaf.value.copy_(base)
        v, o = self.cotangent, self.outputs
        return float((v * (right - o)).sum()) / step, float((v * (o - left)).sum()) / step

    def quick(self, leaf: Leaf, direction: Tensor, step: float = QUICK) -> float:
        """Return the central difference over one step."""
        right, left = self.sides(leaf, direction, step)
        return (right + left) / 2

    def careful(self, leaf: Leaf, direction: Tensor) -> Slope:
        """Return the derivative with its error, or why there is none."""
        sides = [self.sides(leaf, direction, t) for t in LADDER]
        central = [(r + s) / 2 for r, s in sides]
        if not any(central) or not any(central[FLAT]):
            moved = any(central) or any(any(self.sides(leaf, direction, t)) for t in FAR)
            return Slope(0.0, 0.0, stairs=moved and not any(central[FLAT]))
        gaps = [abs(r - s) for r, s in sides]
        value, error = plateau(central)
        size = max(abs(v) for v in sides[-2])
        kink = gaps[-2] > BEND * size + self.noise(LADDER[-2]) and gaps[-1] > SAME_GAP * gaps[-2]
        return Slope(value, error, kink=kink)


def plateau(central: list[float]) -> tuple[float, float]:
    """Return the value on which neighbouring steps agree best, and by how much they do not."""
    best = (math.nan, math.inf)
    for a, b, c in zip(central, central[1:], central[2:], strict=False):
        if not all(math.isfinite(v) and v for v in (a, b, c)):  # an exact zero beside others was lost to rounding
            continue
        first, second = b + (b - a) / 15, c + (c - b) / 15
        plain, extrapolated = max(abs(b - a), abs(c - b)), abs(second - first)
        for value, error in ((b, plain), (second, extrapolated)):
            if error < best[1]:
                best = value, error
    return best
