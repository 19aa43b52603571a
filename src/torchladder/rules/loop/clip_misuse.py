"""Gradients are clipped where it does nothing, or by so much that nothing is left.

## What is wrong
Clipping works on the gradients as they are at that moment. Called before `backward()` it finds none,
after `step()` it comes too late; given an exhausted generator or another model's parameters it clips
nothing that is trained; before `scaler.unscale_()` it compares the limit with scaled gradients.

## Why it hurts
The protection that the line promises is not there, or every step is cut to a tiny fraction.

## How it is found
Each call is watched: whether a backward pass came since the last step, which tensors it is given, and
the norm of their gradients against the limit. A limit far below every norm is tried without clipping
on one batch: fitted then, and only then, it is the cause.

## What to do
Call it between `backward()` (and `unscale_()`) and `step()`, on the parameters of the optimizer.

## When it is a false alarm
Clipping of some of the parameters, in every micro-batch, or to a small norm that trains well
(normalised gradients) is all right, and passed over.

## Sources
Clipping with loss scaling: https://pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.core.step_facts import ClipFact
from torchladder.rules.loop.trials import base_trial
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When a call of clipping is misplaced."""

    least_calls: float = limit(3, unit="calls", why="the first step of a loop may be unlike the others")
    most: float = limit(0.9, unit="share of the calls", why="a loop does the same at nearly every step")
    tiny: float = limit(0.1, unit="share of the smallest norm", why="worth an experiment, which decides")


@rule(
    "TL414",
    rung=3,
    severity=Severity.WARNING,
    needs=("clips",),
    limits=Limits,
    explains=("TL402",),
    plants=(
        Plant(
            "tiny_lm",
            "    loss.backward()\n    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n",
            "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    loss.backward()\n",
        ),
        Plant(
            "sequence_rnn",
            "            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)\n            self.optimizer.step()\n",
            "            self.optimizer.step()\n            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)\n",
        ),
        Plant("digits_schedule", "max_norm=5.0", "max_norm=5e-5"),
        Plant(
            "digits_amp",
            "        scaler.unscale_(optimizer)\n        nn.utils.clip_grad_norm_(model.parameters(), 5.0)\n",
            "        nn.utils.clip_grad_norm_(model.parameters(), 5.0)\n",
        ),
    ),
    near_misses=(
        Plant(
            "tiny_lm", "nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "nn.utils.clip_grad_norm_([model.pos], 0.1)"
        ),
        Plant("digits_schedule", "max_norm=5.0", "max_norm=0.1"),
    ),
)
def clip_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each line whose clipping does nothing, or leaves nothing."""
    for row in facts.clips or ():
        if row.calls < limits.least_calls:
            continue
        told = _misplaced(row, limits)
        if told is not None:
            message, title, n = told
            yield clip_misuse.finding(
                message,
                where=(row.place,) if row.place is not None else (),
                seen=(Measurement("calls to which this applies", f"{n} of {row.calls}", expected=0),),
                fixes=(Fix(title),),
                phase=row.phase,
            )
            continue
        yield from _too_small(row, facts, limits)


def _misplaced(row: ClipFact, limits: Limits) -> tuple[str, str, int] | None:
    """Return message, fix and number of calls of clipping at the wrong place or on the wrong tensors."""
    enough = limits.most * row.calls
    where = "between `loss.backward()` and `optimizer.step()`"
    if row.before_backward >= enough:
        return "gradients are clipped before `backward()`, when there are none", f"clip {where}", row.before_backward
    if row.after_step >= enough:
        return "gradients are clipped after `optimizer.step()` has used them", f"clip {where}", row.after_step
    if row.empty >= enough:
        message = "clipping is given no parameters: the generator it is handed was used up before"
        return message, "pass `model.parameters()` anew at each call", row.empty
    if row.strange >= enough:
        return "clipping is given tensors that no optimizer holds", "pass the optimizer's parameters", row.strange
    if row.scaled >= enough:
        message = "scaled gradients are clipped: `scaler.unscale_(optimizer)` was not called before"
        return message, "call `scaler.unscale_(optimizer)` before clipping", row.scaled
    return None


def _too_small(row: ClipFact, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield a suspicion about a limit far below every norm, when one batch is not fitted."""
    base = base_trial(facts, row.phase)
    if not row.norm_min or row.limit >= limits.tiny * row.norm_min or base is None or base.passed:
        return
    usual = float(f"{row.norm_median:.1g}")
    yield clip_misuse.finding(
        f"gradients are clipped to {row.limit:g}, far below every one seen, and one batch is not fitted",
        severity=Severity.ERROR,
        where=(row.place,) if row.place is not None else (),
        seen=(
            Measurement("smallest norm before clipping", float(f"{row.norm_min:.3g}"), expected=f"near {row.limit:g}"),
        ),
        fixes=(
            Fix(
                f"raise the limit to about {usual:g}, or do not clip",
                change=Change("no_clipping", {"was": row.limit, "max_norm": usual}),
            ),
        ),
        standing=Standing.SUSPECTED,
        phase=row.phase,
    )
