"""The gradient grows on its way down, or over the steps, beyond what the weights can take.

## What is wrong
Every layer, and every step of a recurrence, multiplies the gradient. Where the factor is above one
it grows with depth: in deep networks without normalisation whose weights were drawn too wide, and
in recurrent ones over long sequences.

## Why it hurts
One such step throws the weights far off. The loss leaps, or becomes NaN.

## How it is found
Already at the first step, before any update, some layer's gradient is many times its weights, and
far beyond that of the output layer: it grew inside the model, whatever the learning rate. Or the
norm of all gradients grew a thousandfold over the steps of a run that did not learn; that is no more
than a suspicion until clipping cures it; so is a first gradient many times larger than all weights
under which the loss was lost at once. Gradients that are clipped already are judged as clipped.

## What to do
Clip by the global norm, at a value that ordinary steps stay below
(`torch.nn.utils.clip_grad_norm_`); initialise for the activation in use; normalise.

## When it is a false alarm
The first steps of a warm-up, targets in large units (then the output layer has the largest gradient),
and leaps that the program clips are passed over; so are runs that learn all the same.

## Sources
Pascanu et al., On the difficulty of training recurrent networks: https://arxiv.org/abs/1211.5063
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.core.model_facts import GradientFact
from torchladder.rules.loop.trials import base_failed, base_passed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

FIRST = 5  # looks that tell what is ordinary
PLAIN_CLIP = 1.0  # where no ordinary step was ever seen


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too large for the weights, and what is growth."""

    beyond_weights: float = limit(10, unit="|gradient| / |weight| at step 0", why="healthy layers stay below 1")
    beyond_output: float = limit(30, unit="times that of the output layer", why="large targets raise both alike")
    growth: float = limit(1000, unit="times the first steps", why="norms wander within a factor of 30")
    clipped: float = limit(0.9, unit="fraction of the norm before clipping", why="rounding is far below")


@rule(
    "TL212",
    rung=3,
    severity=Severity.ERROR,
    needs=("gradients", "layer_gradients", "trials"),
    limits=Limits,
    explains=("TL209", "TL210", "TL220", "TL221", "TL306", "TL307", "TL401", "TL604"),
    plants=(
        Plant(
            "digits_mlp",
            "        self.head = nn.Linear(hidden, 10)\n\n    def forward(self, x):\n",
            "        self.head = nn.Linear(hidden, 10)\n"
            "        self.deep = nn.ModuleList([nn.Linear(64, 64) for _ in range(12)])\n"
            "        for layer in self.deep:\n            nn.init.normal_(layer.weight, std=0.6)\n\n"
            "    def forward(self, x):\n        for layer in self.deep:\n            x = torch.sin(layer(x))\n",
        ),
        Plant(
            "regression",
            "    nn.Linear(8, 64),\n    nn.ReLU(),\n    nn.Linear(64, 64),\n    nn.ReLU(),\n    nn.Linear(64, 1),\n)",
            "    nn.Linear(8, 64),\n    *[m for _ in range(19) for m in (nn.Tanh(), nn.Linear(64, 64))],\n"
            "    nn.Linear(64, 1),\n)\nfor layer in model[1:-1]:\n    if isinstance(layer, nn.Linear):\n"
            "        nn.init.normal_(layer.weight, std=0.7)",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "lr=2e-3", "lr=1e-2"),
        Plant(
            "regression",
            "loss = mse(model(xb).squeeze(-1), yb)",
            "loss = 1000 * mse(model(xb).squeeze(-1), yb)",
        ),
    ),
)
def exploding_gradient(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose gradient outgrows its weights."""
    for history in facts.gradients or ():
        if base_passed(facts, history.phase):
            continue
        inside = _inside(facts, history, limits)
        if inside is not None:
            yield inside
        elif _grew(history, limits) and (base_failed(facts, history.phase) or _lost(facts, history.phase)):
            yield _growth(history)
        elif _overwhelms(history, limits) and _lost(facts, history.phase):
            yield _overwhelming(history)


def _inside(facts: Facts, history: GradientFact, limits: Limits) -> Finding | None:
    """Return the finding about a gradient that grew within the model at the very first step."""
    rows = sorted((g for g in facts.layer_gradients or () if g.phase == history.phase), key=lambda g: g.depth)
    rows = [g for g in rows if g.steps[:1] == (0,) and math.isfinite(g.ratios[0])]
    if not rows or not all(g.fresh for g in rows) or _is_clipped(history, limits):
        return None
    worst, output = max(rows, key=lambda g: g.ratios[0]), rows[-1]
    if worst.ratios[0] < limits.beyond_weights or worst.ratios[0] < limits.beyond_output * output.ratios[0]:
        return None
    return exploding_gradient.finding(
        f"at the first step a layer's gradient is {worst.ratios[0]:.2g} times its weights",
        severity=Severity.ERROR
        if base_failed(facts, history.phase) or _lost(facts, history.phase)
        else Severity.WARNING,
        where=lines(worst.created, history.place),
        module=worst.module,
        seen=(
            Measurement(
                f"|gradient| / |weight| of `{worst.name}`", float(f"{worst.ratios[0]:.3g}"), expected="< 1", step=0
            ),
            Measurement(f"|gradient| / |weight| of `{output.name}`", float(f"{output.ratios[0]:.3g}"), step=0),
            Measurement("norm of all gradients", float(f"{history.norms[0]:.3g}"), step=0),
        ),
        fixes=(
            Fix("initialise these layers narrower (`kaiming_normal_`)", change=_anew(history.phase)),
            _clip(history),
        ),
        phase=history.phase,
    )


def _growth(history: GradientFact) -> Finding:
    """Return the suspicion about a norm that grew over the steps."""
    start, top = _ordinary(history), max(_finite(history.norms))
    return exploding_gradient.finding(
        f"the norm of the gradients grows from {start:.3g} to {top:.3g}",
        severity=Severity.WARNING,
        where=lines(history.place),
        seen=(
            Measurement("largest norm of all gradients", float(f"{top:.3g}"), step=history.steps[_at(history, top)]),
            Measurement("median of the first steps", float(f"{start:.3g}")),
        ),
        fixes=(_clip(history),),
        standing=Standing.SUSPECTED,
        phase=history.phase,
    )


def _grew(history: GradientFact, limits: Limits) -> bool:
    """Return whether an unclipped norm left its first values far behind."""
    norms = _finite(history.norms)
    start = _ordinary(history)
    return bool(norms) and start > 0 and max(norms) > limits.growth * start and not _is_clipped(history, limits)


def _overwhelms(history: GradientFact, limits: Limits) -> bool:
    """Return whether the very first gradient, unclipped, is far larger than all weights together."""
    norms = _finite(history.norms[:1])
    too_large = bool(norms) and norms[0] > limits.beyond_weights * history.weight_norm > 0
    return too_large and history.steps[0] == 0 and not _is_clipped(history, limits)


def _overwhelming(history: GradientFact) -> Finding:
    """Return the suspicion about a gradient under which the loss was lost at once."""
    return exploding_gradient.finding(
        f"the first gradient is {history.norms[0] / history.weight_norm:.2g} times all weights, and the loss is lost",
        severity=Severity.WARNING,
        where=lines(history.place),
        seen=(
            Measurement("norm of all gradients", float(f"{history.norms[0]:.3g}"), step=0),
            Measurement("norm of all weights", float(f"{history.weight_norm:.3g}"), step=0),
        ),
        fixes=(_clip(history),),
        standing=Standing.SUSPECTED,
        phase=history.phase,
    )


def _is_clipped(history: GradientFact, limits: Limits) -> bool:
    """Return whether a step used less gradient than the backward pass before it had left."""
    return any(used < limits.clipped * raw for used, raw in zip(history.norms, history.raw, strict=False))


def _lost(facts: Facts, phase: int) -> bool:
    """Return whether the loss of the program's own run became NaN or Inf."""
    return any(not math.isfinite(v) for c in facts.curves or () if c.phase == phase for v in c.losses)


def _finite(norms: Sequence[float]) -> list[float]:
    return [v for v in norms if math.isfinite(v)]


def _ordinary(history: GradientFact) -> float:
    """Return the median norm of the first steps."""
    return statistics.median(_finite(history.norms)[:FIRST] or [0.0])


def _at(history: GradientFact, norm: float) -> int:
    return history.norms.index(norm)


def clip_value(history: GradientFact) -> float:
    """Return a norm to clip at, to one digit: what ordinary steps stay below, never more than the weights' own."""
    start = _ordinary(history)
    calm = [v for v in _finite(history.norms) if v <= 10 * start]
    value = max(calm, default=0.0)
    if not 0 < value < history.weight_norm:
        value = PLAIN_CLIP
    digits = -math.floor(math.log10(value))
    return round(value, digits)


def _clip(history: GradientFact) -> Fix:
    value = clip_value(history)
    title = f"clip the gradients: `clip_grad_norm_(model.parameters(), {value:g})` before the step"
    return Fix(title, change=Change("clip_gradients", {"max_norm": value}))


def _anew(phase: int) -> Change:
    return Change("he_initialise", {"phase": phase, "sites": []})
