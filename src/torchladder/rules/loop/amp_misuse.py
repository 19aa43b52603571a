"""Mixed precision whose loss scaling is incomplete.

## What is wrong
float16 has no numbers below 6e-8: small gradients become 0 in it. `GradScaler` multiplies the loss, and
its `step` divides the gradients again. Where one of the two is missing, gradients are off by the scale.

## Why it hurts
Without scaling, gradients vanish; with half of it, each step is thousands of times too long, or the
scaler ends the program; without `update`, the scale never recovers from an overflow, and every step is left out.

## How it is found
The calls of each enabled scaler are counted beside backward passes and optimizer steps, and its scale
is read. Entering float16 autocast in training without a scaler is seen as well.

## What to do
`scaler.scale(loss).backward()`, `scaler.unscale_(optimizer)` before clipping, `scaler.step(optimizer)`,
`scaler.update()`; or bfloat16, which needs none of it.

## When it is a false alarm
bfloat16 needs no scaler; a disabled scaler does nothing; a scale that halves now and then and a few
steps left out at the start are how scaling finds its level.

## Sources
Mixed precision examples: https://pytorch.org/docs/stable/notes/amp_examples.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.core.step_facts import ScalerFact
from torchladder.rules.registry import Plant, limit, rule

# what GradScaler says before it ends a program
NOTHING_SCALED = ("but _scale is None", "No inf checks were recorded")
NOT_STEPPED = ("recorded prior to update",)
NOT_UPDATED = ("since the last update()", "is being called after step()")


@dataclass(frozen=True, slots=True)
class Limits:
    """When scaling is incomplete."""

    least: float = limit(5, unit="steps", why="the first ones may be left out by the scaler itself")
    collapsed: float = limit(1.0, unit="scale", why="below it the loss is made smaller, not larger")
    skipped: float = limit(0.5, unit="share of the steps", why="a scaler that works skips one in thousands")


@rule(
    "TL415",
    rung=3,
    severity=Severity.ERROR,
    needs=("scalers",),
    limits=Limits,
    explains=("TL401", "TL402", "TL414", "TL212"),
    plants=(
        Plant("digits_amp", "scaler.scale(loss).backward()", "loss.backward()", crashes=True),
        Plant(
            "digits_amp",
            "        scaler.unscale_(optimizer)\n        nn.utils.clip_grad_norm_(model.parameters(), 5.0)\n"
            "        scaler.step(optimizer)\n",
            "        optimizer.step()\n",
            crashes=True,
        ),
        Plant("digits_amp", "        scaler.update()\n", "", crashes=True),
    ),
    near_misses=(
        Plant("digits_amp", "init_scale=1024.0", "init_scale=1024.0, enabled=False"),
        Plant("digits_amp", "init_scale=1024.0", "init_scale=1024.0, growth_interval=20"),
    ),
)
def amp_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each scaler that is used by half, or for float16 without one."""
    error = facts.program.error if facts.program is not None else None
    said = error.message if error is not None else ""
    for row in facts.scalers or ():
        told = _told(row, limits, said)
        if told is None:
            continue
        message, title, seen, severity = told
        yield amp_misuse.finding(
            message,
            severity=severity,
            where=tuple(dict.fromkeys(p for p in (*row.places, row.created) if p is not None)),
            seen=(seen,),
            fixes=(Fix(title),),
        )


def _told(row: ScalerFact, limits: Limits, said: str) -> tuple[str, str, Measurement, Severity] | None:
    """Return message, fix, evidence and severity of what is missing, None when nothing is."""
    if row.missing:
        seen = Measurement("scaled losses", 0, expected="each one")
        title = "scale the loss with `torch.amp.GradScaler`, or use bfloat16"
        return "training in float16 autocast without a GradScaler", title, seen, Severity.WARNING
    if _says(said, NOTHING_SCALED) and row.scaled == 0 and row.unscaled_backwards:
        seen = Measurement("losses scaled", 0, expected="each one that is differentiated")
        title = "call `scaler.scale(loss).backward()`"
        return "the loss was never scaled: the scaler finds nothing to undo", title, seen, Severity.ERROR
    refused = _says(said, NOT_STEPPED) and row.bare_steps > 0
    if row.steps == 0 and (refused or row.bare_steps >= limits.least):
        seen = Measurement("optimizer steps on scaled gradients", row.bare_steps, expected=0)
        message = f"the loss is scaled by {row.first:g}, and `optimizer.step()` uses the gradients unscaled"
        return message, "call `scaler.step(optimizer)` and `scaler.update()`", seen, Severity.ERROR
    refused = _says(said, NOT_UPDATED)
    if row.updates == 0 and row.scaled and (refused or row.steps >= limits.least):
        seen = Measurement("calls of scaler.update()", 0, expected=row.steps)
        message = "`scaler.update()` is never called: the scale stays as it is, whatever overflows"
        severity = Severity.ERROR if refused else Severity.WARNING
        return message, "call `scaler.update()` after `scaler.step(optimizer)`", seen, severity
    collapsed = row.last is not None and row.last < limits.collapsed and (row.first or 0) > row.last
    if row.steps >= limits.least and collapsed and row.skipped >= limits.skipped * row.steps:
        seen = Measurement("steps left out", row.skipped, expected=f"a few of {row.steps}")
        message = f"the loss scale has fallen from {row.first:g} to {row.last:g}: gradients are not finite at any"
        return message, "look for the operation that overflows float16; keep it out of autocast", seen, Severity.WARNING
    return None


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)
