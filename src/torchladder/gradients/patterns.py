"""What wrong elements have in common: a sign, a factor, a transpose. Words for people; no verdict rests on them."""

import math

import torch

from torchladder.gradients.compare import FLOOR, Element, Verdict
from torchladder.gradients.problem import Claimed, Leaf, Problem

CLOSE = 1e-3
LEAST = 3  # elements that must agree on a pattern
WHOLE = 64  # the largest factor that is named as a number


def pattern(problem: Problem, leaf: Leaf, claimed: Claimed, verdict: Verdict) -> str | None:
    """Return the pattern in words, None where there is none."""
    if verdict.state == "shape":
        return f"its gradient has shape {list(claimed.shape or ())}, it has {list(leaf.value.shape)}"
    told = [e for e in verdict.elements if max(abs(e.analytic), abs(e.numeric)) > FLOOR]
    if claimed.value is None or len(told) < min(LEAST, leaf.value.numel()):
        return None
    if all(e.analytic == 0 for e in told):
        return "its gradient is zero"
    if any(e.numeric == 0 for e in told):
        return None
    return _factor(problem, told) or _transposed(claimed, told)


def _factor(problem: Problem, told: list[Element]) -> str | None:
    ratios = sorted(e.analytic / e.numeric for e in told)
    middle = ratios[len(ratios) // 2]
    if not middle or max(abs(r - middle) for r in ratios) > CLOSE * abs(middle):
        return None
    if math.isclose(middle, -1, rel_tol=CLOSE):
        return "every element has the wrong sign"
    words = f"every element is {middle:.4g} times the derivative"
    batch = next((leaf.value.shape[0] for leaf in problem.leaves if leaf.kind == "input" and leaf.value.dim() > 1), 0)
    if batch > 1 and math.isclose(middle, batch, rel_tol=CLOSE):
        words += f", as without a division by the {batch} rows"
    elif batch > 1 and math.isclose(middle, 1 / batch, rel_tol=CLOSE):
        words += f", as divided by the {batch} rows once too often"
    return words


def _transposed(claimed: Claimed, told: list[Element]) -> str | None:
    """Tell whether the claimed gradient is the right one with its two axes exchanged."""
    g = claimed.value
    if g is None or g.dim() != 2 or g.shape[0] != g.shape[1]:  # noqa: PLR2004 - a matrix
        return None
    turned = g.t().reshape(-1)
    gaps = [abs(float(turned[e.index]) - e.numeric) <= CLOSE * max(abs(e.numeric), FLOOR) for e in told]
    return "its gradient is transposed" if all(gaps) and torch.any(g != g.t()) else None
