"""A hand-written backward pass does not give the derivative of its forward pass.

## What is wrong
A factor, a sign, a transpose or a sum over the batch is missing in code that computes gradients itself: an
`autograd.Function`, a layer in NumPy, a gradient function beside a loss.

## Why it hurts
Training still runs and often still learns, only worse: every step goes in a wrong direction. Nothing fails, so the
error is looked for in the data and in the rate.

## How it is found
A climb compares both passes of every `autograd.Function` of the program along random directions, on the its first
call. `torchladder gradcheck` looks closer, and at all other kinds of code, in float64: the outputs are weighed with
random numbers, both passes give the gradient of that sum, and central differences of the forward pass alone give its
derivative along one random direction for each parameter and input. Where the two agree to 1e-6 the whole tensor is
right but for chance. Where they do not, the differences are taken again over eleven steps, with their own error; only
a gap of five times that error counts. Halving the direction leads to an element, and its relative error |a - n| /
max(|a|, |n|, 1e-8) is what is judged: above 1e-3 the gradient is wrong, below 1e-5 it is right. Points without a
derivative (a ReLU at 0, two equal values under a maximum) are recognised by one-sided differences, and others are
drawn nearby.

## What to do
Derive the gradient of the named tensor again; compare its shape first, then its sums and factors. Keep the check as a
test.

## When it is a false alarm
Backward passes that differ on purpose. A climb passes over functions that hand on their argument (reversed, scaled or
clipped gradients) and those that are constant in steps (straight-through estimators, spikes); to `gradcheck`, and for
`detach` as a stop-gradient, nothing in the numbers tells these from a mistake.

## Sources
The course's lesson on debugging networks (relative errors and their thresholds). Ridders, Accurate computation of
F'(x) and F'(x) F''(x), Advances in Engineering Software 4, 1982.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

NAME_MAX = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """Relative errors of an element of a gradient."""

    right: float = limit(1e-5, unit="relative error", why="differences in float64 reach it with room to spare")
    wrong: float = limit(1e-3, unit="relative error", why="no rounding in float64 comes near it")


@rule(
    "TL225",
    rung=2,
    severity=Severity.ERROR,
    needs=("derivatives",),
    limits=Limits,
    plants=(
        Plant("own_function", "(s + x * s * (1 - s))", "(s + x * s)"),
        Plant("own_function", "return grad * (s + x * s * (1 - s))", "return grad * s"),
    ),
    near_misses=(
        Plant("own_function", "return x * s\n", "return torch.round(4 * x) / 4\n"),
        Plant(
            "own_function",
            "(s + x * s * (1 - s))",
            "torch.autograd.functional.jvp(lambda v: v * v.sigmoid(), x, torch.ones_like(x))[1]",
        ),
    ),
)
def gradient_mismatch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each tensor whose gradient is wrong, those at which the error arises first."""
    wrong = [d for d in facts.derivatives or () if d.state in {"differs", "absent", "nonfinite", "shape"}]
    for d in sorted(wrong, key=lambda d: not d.first):
        severity = _severity(d, limits)
        if severity is not None:
            yield _finding(d, severity, limits)


def _severity(d: DerivativeFact, limits: Limits) -> Severity | None:
    if d.state != "differs" or d.relative is None or d.relative > limits.wrong:
        return Severity.ERROR
    return Severity.WARNING if d.relative > limits.right else None


def _finding(d: DerivativeFact, severity: Severity, limits: Limits) -> Finding:
    return gradient_mismatch.finding(
        _message(d),
        severity=severity,
        where=_where(d),
        module=d.name,
        seen=_seen(d, limits),
        notes=_notes(d),
        symptom_of=None if d.first else gradient_mismatch.code,
        fixes=(Fix(_remedy(d), Trust.IDEA),) if d.first else (),
    )


def _where(d: DerivativeFact) -> tuple[Place, ...]:
    """Return the line that gives the gradient back, and the one at which the backward pass begins."""
    if d.where is None or d.where.end_line in {None, d.where.line}:
        return (d.where,) if d.where is not None else ()
    return Place(d.where.path, d.where.end_line or d.where.line, function=d.where.function), d.where


def _message(d: DerivativeFact) -> str:
    name = f"`{d.name if len(d.name) <= NAME_MAX else '...' + d.name[3 - NAME_MAX :]}`"
    if d.state == "shape":
        return f"the gradient of {name} has another shape than {name}"
    if d.state == "absent":
        return f"{name} gets no gradient, yet the outputs depend on it"
    if d.state == "nonfinite":
        return f"the gradient of {name} holds NaN or Inf where the derivative is finite"
    if d.culprit is not None and d.argument == d.name:
        return f"the backward pass of `{d.culprit}` does not give the derivative of its forward pass"
    if not d.first:
        return f"the gradient of {name} is wrong too"
    return f"the gradient of {name} is not the derivative of the outputs"


def _seen(d: DerivativeFact, limits: Limits) -> tuple[Measurement, ...]:
    if d.analytic is None or d.numeric is None:
        return ()
    at = "along a random direction" if d.element is None else f"at [{', '.join(map(str, d.element))}]"
    shown = [Measurement(f"gradient of `{d.name}` {at}", _short(d.analytic), expected=_short(d.numeric))]
    if d.relative is not None and math.isfinite(d.relative):
        shown.append(Measurement("relative error", _short(d.relative), expected=f"below {limits.right:g}"))
    if d.looked > 1:
        shown.append(Measurement("elements that disagree", d.wrong, f"of {d.looked} compared", expected=0))
    return tuple(shown)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _notes(d: DerivativeFact) -> tuple[str, ...]:
    said = [d.pattern] if d.pattern else []
    if d.culprit is not None and d.argument != d.name:
        of = f", for its argument `{d.argument}`" if d.argument else ""
        said.append(f"checked alone, the backward pass of `{d.culprit}` is wrong{of}")
    return tuple(said)


def _remedy(d: DerivativeFact) -> str:
    if d.state == "shape":
        return "sum the gradient over the axes along which the tensor is broadcast"
    of = f"`{d.culprit}`" if d.culprit else f"`{d.name}`"
    return f"correct the backward pass of {of}; a stop-gradient or an estimator that is meant needs no change"
