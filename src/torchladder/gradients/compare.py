"""One leaf: does the gradient that is claimed agree with the differences, and where not, at which element?"""

import math
from dataclasses import dataclass

import torch

from torchladder.gradients.problem import Claimed, Leaf, Tensor
from torchladder.gradients.slopes import WIDE, Meter, Slope

AGREE = 1e-6  # along a random direction: a thousandth of one element in 100,000 is seen
SURE = 5.0  # times the error of the differences
MEASURED = 1e-3  # differences that are wrong by more than this share tell nothing
FLOOR = 1e-8  # relative errors are of at least this
FEW = 48  # elements that are all compared one by one; of larger tensors as many are drawn


@dataclass
class Element:
    """One element, both ways."""

    index: int
    analytic: float
    numeric: float
    error: float

    @property
    def relative(self) -> float:
        """The relative difference, 0 where differences cannot tell it from rounding."""
        gap = abs(self.analytic - self.numeric)
        return 0.0 if gap <= SURE * self.error else relative(self.analytic, self.numeric)


@dataclass
class Verdict:
    """What became of a leaf; the fields are those of a ``DerivativeFact``."""

    state: str
    analytic: float | None = None
    numeric: float | None = None
    error: float = 0.0
    reason: str | None = None
    elements: tuple[Element, ...] = ()


class Kink(Exception):  # noqa: N818 - not a fault
    """The point has no derivative; another is to be drawn."""


def relative(a: float, n: float) -> float:
    """Return the relative difference of two derivatives."""
    if not math.isfinite(a):
        return math.inf
    return abs(a - n) / max(abs(a), abs(n), FLOOR)


def scale(leaf: Leaf) -> float:
    """Return the size of a leaf's elements: steps are relative to it."""
    size = float(leaf.value.norm()) / max(leaf.value.numel(), 1) ** 0.5
    return size if size > 0 else 1.0


def direction(leaf: Leaf, generator: torch.Generator) -> Tensor:
    """Return a random direction of a leaf's size."""
    u = torch.randn(leaf.value.shape, generator=generator, dtype=torch.float64) * scale(leaf)
    return u if leaf.fixed is None else u.masked_fill(leaf.fixed, 0.0)


def along(claimed: Tensor | None, u: Tensor) -> float:
    """Return what a claimed gradient says along a direction."""
    return 0.0 if claimed is None else float((claimed * u).sum())


def compare(meter: Meter, leaf: Leaf, claimed: Claimed, generator: torch.Generator) -> Verdict:
    """Compare along a random direction; raises Kink where the point has no derivative."""
    if claimed.shape is not None:
        return Verdict("shape", reason=f"{claimed.shape}")
    g = claimed.value
    if not leaf.value.numel():
        return Verdict("unused")
    owed = leaf.asked or leaf.kind == "parameter"
    if g is None and not owed:
        return Verdict("left-out")
    if g is not None and not bool(torch.isfinite(g).all()):
        return _nonfinite(meter, leaf, g)
    u = direction(leaf, generator)
    a, n = along(g, u), meter.quick(leaf, u)
    if not (math.isfinite(n) or owed):
        return Verdict("left-out")  # a target of 0 or 1 has no neighbours on one side
    if abs(a - n) <= AGREE * max(abs(a), abs(n)):
        return Verdict("unused" if g is None else "right", a, n)
    if max(abs(a), abs(n)) <= meter.noise(1e-6):
        wide = meter.quick(leaf, u, WIDE)
        if abs(a - wide) <= meter.noise(WIDE):
            return Verdict("unused" if g is None else "right", a, wide)
    return _decided(meter, g, a, meter.careful(leaf, u))


def _decided(meter: Meter, g: Tensor | None, a: float, slope: Slope) -> Verdict:
    """Return the verdict that a careful slope allows."""
    n = slope.value
    if slope.stairs:
        return Verdict("unknown", a, n, reason="the outputs move by jumps (rounding, signs), so no derivative exists")
    if not math.isfinite(n):
        return Verdict("unknown", a, n, reason="the outputs are not finite nearby")
    gap, size = abs(a - n), max(abs(a), abs(n))
    if gap <= max(SURE * slope.error, AGREE * size):
        floor = max(FLOOR, AGREE * meter.magnitude)
        if slope.error > MEASURED * max(size, floor):
            return Verdict("unknown", a, n, slope.error, "differences of the outputs are too noisy to compare with")
        return Verdict("unused" if g is None else "right", a, n, slope.error)
    if slope.kink:
        raise Kink
    if slope.error > MEASURED * size and gap < 0.1 * size:
        return Verdict("unknown", a, n, slope.error, "differences of the outputs are too noisy to compare with")
    return Verdict("absent" if g is None else "differs", a, n, slope.error)


def _nonfinite(meter: Meter, leaf: Leaf, g: Tensor) -> Verdict:
    """Return whether NaN or Inf in a gradient stands where a derivative exists."""
    index = int((~torch.isfinite(g)).reshape(-1).nonzero()[0])
    found = element(meter, leaf, g, index, careful=True)
    if not math.isfinite(found.numeric) or found.error > MEASURED * max(abs(found.numeric), FLOOR):
        return Verdict("unknown", reason="gradient and differences both are not finite")
    return Verdict("nonfinite", found.analytic, found.numeric, found.error, elements=(found,))


def element(meter: Meter, leaf: Leaf, g: Tensor | None, index: int, *, careful: bool) -> Element:
    """Return one element both ways."""
    size = scale(leaf)
    u = torch.zeros_like(leaf.value)
    u.view(-1)[index] = size
    slope = meter.careful(leaf, u) if careful else Slope(meter.quick(leaf, u), meter.noise(1e-6) / 100)
    if slope.kink:
        raise Kink
    claimed = 0.0 if g is None else float(g.reshape(-1)[index])
    return Element(index, claimed, slope.value / size, slope.error / size)


def locate(meter: Meter, leaf: Leaf, claimed: Claimed, generator: torch.Generator) -> tuple[Element, ...]:
    """Return compared elements, the worst first: all of a small leaf; of a large one some, and one by halving."""
    g, n = claimed.value, leaf.value.numel()
    free = list(range(n)) if leaf.fixed is None else (~leaf.fixed.reshape(-1)).nonzero().reshape(-1).tolist()
    if len(free) > FEW:
        drawn = torch.randperm(len(free), generator=generator)[:FEW].tolist()
        free = [free[i] for i in drawn]
    found = [element(meter, leaf, g, i, careful=False) for i in free]
    worst = max(found, key=lambda e: abs(e.analytic - e.numeric), default=None)
    index = (
        worst.index
        if worst is not None and (n <= FEW or worst.relative > MEASURED)
        else halved(meter, leaf, g, generator)
    )
    sure = element(meter, leaf, g, index, careful=True)
    return (sure, *(e for e in found if e.index != index))


def halved(meter: Meter, leaf: Leaf, g: Tensor | None, generator: torch.Generator) -> int:
    """Return an element at which claimed and measured derivative disagree, by halving the part that disagrees.

    The disagreement along a direction is linear in it, so what one half does not show, the other does.
    """
    u = direction(leaf, generator)
    gap = along(g, u) - meter.quick(leaf, u)
    low, high = 0, leaf.value.numel()
    while high - low > 1:
        middle = (low + high) // 2
        part = torch.zeros_like(u)
        part.view(-1)[low:middle] = u.reshape(-1)[low:middle]
        here = along(g, part) - meter.quick(leaf, part)
        if abs(here) >= abs(gap - here):
            high, gap = middle, here
        else:
            low, gap = middle, gap - here
    return low
