"""A view or reshape stands where a permute was meant.

## What is wrong
`view` and `reshape` rename the sizes and leave every value where it lies in memory. To bring the
channels of a picture in front (`[B, H, W, 3]` to `[B, 3, H, W]`) or time behind the features, axes
have to move. A reshape to the same sizes in another order cuts rows of one axis at the width of another.

## Why it hurts
Neighbouring pixels, or time steps, are no longer neighbours, and each channel is a mixture of all.
The shapes are right, nothing fails, and a convolution learns little from what is left.

## How it is found
A reshape whose result has the sizes of its operand in another order is followed. In pictures and
series, values beside each other are alike: that is measured along the axes before the reshape, and
found gone after it, while a permute keeps it. Pictures that reach the model already torn are read
once more with the channels last: they become smooth. Inside the model a view is named whose sizes
are those of a split or a join of axes that lie in another order: heads before time, tokens of a
picture. Where neither can tell, the permute is tried: only if one batch is then memorised (twice as
fast), it is named.

## What to do
`permute` (or `transpose`), and `contiguous` where a view has to follow.

## When it is a false alarm
Flattening, splitting an axis and joining neighbours keep the order and are passed over, and so is
moving an axis of size 1. Noise has no neighbours; it is not judged by smoothness.

## Sources
torch.permute: https://pytorch.org/docs/stable/generated/torch.permute.html
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.core.model_facts import ReshapeFact
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When smoothness was lost; 1 is noise, 0 is constant."""

    smooth: float = limit(0.5, unit="squared step over twice the variance", why="pictures and series stay below 0.3")
    lost: float = limit(2.0, unit="times as rough", why="the order of the axes changes it little otherwise")
    noisy: float = limit(0.8, unit="squared step over twice the variance", why="a series under noise of its own size")
    noisy_lost: float = limit(1.3, unit="times as rough", why="by chance neighbours differ by a few per cent")
    entry_smooth: float = limit(0.25, unit="squared step over twice the variance", why="no call was seen: be strict")
    entry_lost: float = limit(3.0, unit="times as rough", why="no call was seen: be strict")
    leak: float = limit(0.01, unit="relative change", why="earlier outputs depend on later inputs")
    dims: float = limit(3, unit="dimensions", why="a matrix that is turned may be a table")


@rule(
    "TL222",
    rung=2,
    severity=Severity.ERROR,
    needs=("reshapes",),
    limits=Limits,
    explains=("TL113", "TL217", "TL220", "TL402"),
    plants=(
        Plant("bright_spot", "pictures.permute(0, 3, 1, 2)", "pictures.reshape(-1, 3, SIZE, SIZE)"),
        Plant(
            "bright_spot",
            "    return torch.from_numpy(pictures), torch.from_numpy(labels)",
            "    pictures = pictures.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1).copy()\n"
            "    return torch.from_numpy(pictures), torch.from_numpy(labels)",
        ),
        Plant("tiny_lm", "y.transpose(1, 2).reshape(b, t, dim)", "y.reshape(b, t, dim)"),
    ),
    near_misses=(
        Plant("bright_spot", "pictures.permute(0, 3, 1, 2)", "pictures.permute(0, 3, 2, 1)"),
        Plant(
            "bright_spot",
            "pictures.permute(0, 3, 1, 2)",
            "pictures.permute(0, 3, 1, 2).flatten(1).reshape(-1, 3, SIZE, SIZE)",
        ),
        Plant("digits_cnn", ".unsqueeze(1)", ".unsqueeze(-1).reshape(-1, 1, 8, 8)"),
        Plant("tiny_lm", "self.proj(y.transpose(1, 2).reshape(b, t, dim))", "self.proj(y.transpose(1, 2).flatten(2))"),
    ),
)
def layout_scrambled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield the reshape that tore data apart; where none is proven, those that a trial has to decide about."""
    rows = [r for r in facts.reshapes or () if r.kind != "weight"]
    torn = [r for r in rows if r.kind == "data" and _lost(r, limits.smooth, limits.lost)]
    torn = torn or [r for r in rows if r.kind == "entry" and _lost(r, limits.entry_smooth, limits.entry_lost)]
    if torn:
        yield _finding(torn[0], Standing.PROVEN)
        return
    faint = [r for r in rows if r.kind == "data" and len(r.before) >= limits.dims]
    faint = [r for r in faint if _lost(r, limits.noisy, limits.noisy_lost)]
    if faint:
        yield dataclasses.replace(_finding(faint[0], Standing.PROVEN), severity=Severity.WARNING)
        return
    split = next((r for r in rows if r.fine), None)
    if split is not None:
        yield dataclasses.replace(_finding(split, Standing.PROVEN), severity=Severity.WARNING)
        return
    if any((s.leak or 0) > limits.leak for s in facts.sequences or ()):
        return  # a model that sees what it is to predict learns anything faster
    for r in rows:
        if r.kind != "entry" and len(r.before) >= limits.dims and not _kept(r):
            yield _finding(r, Standing.SUSPECTED)


def _lost(r: ReshapeFact, smooth: float, times: float) -> bool:
    """Return whether neighbours were alike before and no longer are."""
    if r.rough is None or r.rough_permuted is None:
        return False
    return r.rough_permuted < smooth and r.rough > times * r.rough_permuted


def _kept(r: ReshapeFact) -> bool:
    """Return whether what was measured speaks against a permute."""
    return r.rough is not None and r.rough_permuted is not None and r.rough < r.rough_permuted


def _sizes(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _finding(r: ReshapeFact, standing: Standing) -> Finding:
    """Return the finding, with the permute that keeps neighbours together."""
    if r.kind == "entry":
        message = "the pictures at the model's entry are smooth only when read with the channels last"
        change: Change | None = Change("channels_last_input")
    else:
        message = f"`{r.function}` turns {_sizes(r.before)} into {_sizes(r.after)} without moving an axis"
        change = permute_change(r)
    seen: tuple[Measurement, ...] = ()
    if r.rough is not None and r.rough_permuted is not None:
        what = "squared step between neighbours over twice the variance"
        seen = (
            Measurement(what, round(r.rough, 3), expected="1 for noise, near 0 for pictures and series"),
            Measurement("the same with a permute", round(r.rough_permuted, 3)),
        )
    if r.fine:
        moved = sum(i != a for i, a in enumerate(r.axes))
        seen = (Measurement("axes that change places", 0, expected=moved),)
    axes = ", ".join(map(str, r.axes))
    view = f"view as `{_sizes(r.fine)}`, then " if r.fine and r.fine != r.before else ""
    return layout_scrambled.finding(
        message,
        severity=Severity.ERROR if standing is Standing.PROVEN else Severity.WARNING,
        where=lines(r.place),
        module=r.module,
        seen=seen,
        fixes=(Fix(f"move the axes: {view}`permute({axes})`", change=change),),
        standing=standing,
    )


def permute_change(r: ReshapeFact) -> Change | None:
    """Return the change that permutes where a line reshapes, None when the line is unknown."""
    if r.place is None:
        return None
    site = {"path": r.place.path, "line": r.place.line, "function": r.function}
    split = {"dims": len(r.before)} if r.fine else {}
    return Change("permute_instead", {**site, "axes": list(r.axes), **split})
