"""Weights copied by hand have the right shape and the wrong layout.

## What is wrong
Other libraries keep a linear layer as (in, out) and a kernel as (height, width, in, out); torch keeps
(out, in) and (out, in, height, width). A `reshape` or `view` gives the copied weights torch's shape
without moving an axis, so that every number lands in another place.

## Why it hurts
Nothing fails, and the layer computes nonsense: the pretrained weights are as good as random ones.

## How it is found
A tensor that is written to a parameter (`copy_`, `.data =`, `nn.Parameter(...)`) came out of a reshape
whose sizes are those of its operand in another order. Square weights fit either way: before its first
step the model is asked about one batch, as it is and with them transposed. Only if it is right far more
often then, they are named: random weights know nothing either way.

## What to do
Transpose (`.T`), or `permute` the kernel's axes.

## When it is a false alarm
Reshapes that keep the order of the sizes (adding or joining axes) are passed over; so are random
numbers that are never written to a parameter. A model that knows its classes as it is is left alone.

## Sources
torch.nn.Linear keeps (out_features, in_features): https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.model.layout_scrambled import permute_change
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

MATRIX = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """When a transpose brings knowledge to light."""

    gain: float = limit(0.35, unit="share of the batch", why="chance moves it by a tenth in a batch of sixteen")
    knows: float = limit(0.6, unit="share of the batch", why="a model that was trained elsewhere is mostly right")
    rows: float = limit(16, unit="samples", why="fewer may be right by chance")


@rule(
    "TL223",
    rung=2,
    severity=Severity.ERROR,
    needs=("reshapes",),
    limits=Limits,
    explains=("TL215", "TL220"),
    plants=(
        Plant("ported", "layer.weight.copy_(weight.T)", "layer.weight.copy_(weight.reshape(layer.weight.shape))"),
        Plant("ported", "layer.weight.copy_(weight.T)", "layer.weight.data = weight.view(layer.weight.shape)"),
    ),
    near_misses=(
        Plant("ported", "layer.weight.copy_(weight.T)", "layer.weight.data = weight.permute(1, 0).contiguous()"),
        Plant(
            "ported",
            "layer.weight.copy_(weight.T)",
            "layer.weight.copy_(weight.T.reshape(-1).view(layer.weight.shape))",
        ),
    ),
)
def weights_in_wrong_layout(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding: for the first parameter that was written out of such a reshape, or for square ones."""
    rows = [r for r in facts.reshapes or () if r.kind == "weight" and r.parameter is not None]
    if not rows:
        yield from _square(facts, limits)
        return
    first = rows[0]
    sizes = [f"[{', '.join(map(str, shape))}]" for shape in (first.before, first.after)]
    turn = "`.T`" if len(first.axes) == MATRIX else f"`permute({', '.join(map(str, first.axes))})`"
    others = [r.parameter for r in rows if r.parameter is not None]
    yield weights_in_wrong_layout.finding(
        f"weights of {sizes[0]} are reshaped to {sizes[1]} for `{first.parameter}`: no axis is moved",
        where=lines(first.place, first.written),
        module=first.parameter.rpartition(".")[0] if first.parameter else None,
        seen=(Measurement("parameters written out of such a reshape", len(others), expected=0),),
        notes=(f"written: {', '.join(others[:3])}",),
        fixes=(Fix(f"move the axes: {turn}", change=permute_change(first)),),
    )


def _square(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for square weights with which a model knows more when they are transposed."""
    for asked in facts.interrogations or ():
        turned = asked.turned
        if turned is None or turned.rows < limits.rows or turned.turned < limits.knows:
            continue
        if turned.turned - turned.right < limits.gain:
            continue
        few = ", ".join(turned.names[:3])
        yield weights_in_wrong_layout.finding(
            f"before training the model is right far more often with `{turned.names[0]}` transposed",
            where=lines(turned.place),
            module=turned.names[0].rpartition(".")[0] or None,
            seen=(
                Measurement("share of a batch that is right, as the weights lie", round(turned.right, 3)),
                Measurement("the same with them transposed", round(turned.turned, 3)),
                Measurement("samples in the batch", turned.rows),
            ),
            notes=(f"transposed: {few}",),
            fixes=(
                Fix(
                    "transpose the square weights as well: `.T`",
                    change=Change("transpose_weights", {"phase": asked.phase, "names": list(turned.names)}),
                ),
            ),
            phase=asked.phase,
        )
        return
