"""Evaluation takes more of the time than training.

## What is wrong
The held-out data is gone through so often, or is so large beside what is trained on between two passes over it, that
most of the run is evaluation.

## Why it hurts
The same budget would train several times as long. Nothing that is learned gets better by being measured more often.

## How it is found
`torchladder loader` times the program's own training steps, ends the pass over the training data, and times the
evaluation pass that follows; both are extended to their whole length. A watched run times each evaluation from `eval()`
to `train()`, and the training in between.

## What to do
Evaluate every so many epochs or steps, or on a fixed part of the held-out data while training and on all of it at the
end; evaluate with larger batches and without gradients.

## When it is a false alarm
Short runs, where the curve of the held-out loss is what is wanted, and the time is no matter. Evaluation once an epoch
is a note; a warning is for evaluation within epochs.

## Sources
https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html#disable-gradient-calculation-for-validation-or-inference
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import EvaluationTimeFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When evaluation is worth a word."""

    share: float = limit(0.5, unit="share of the time", why="more than half is not training any more")
    least: float = limit(2.0, unit="seconds a pass", why="what is quick may be done often")
    wanted: float = limit(0.1, unit="share of the time", why="what is advised to spend on it")


@rule("TL903", rung=6, severity=Severity.WARNING, needs=("evaluation_times",), limits=Limits, plants=(), near_misses=())
def eval_too_often(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the evaluation that costs most."""
    slow = [e for e in facts.evaluation_times or () if _is_too_much(e, limits)]
    if not slow:
        return
    found = max(slow, key=_share)
    every = max(round(found.seconds * (1 - limits.wanted) / limits.wanted / found.between), 2)
    unit = "epochs" if found.each_epoch else f"times {found.steps:,} steps"
    yield eval_too_often.finding(
        f"evaluation takes {_share(found):.0%} of the time",
        severity=Severity.NOTE if found.each_epoch else Severity.WARNING,
        where=(found.place,) if found.place is not None else (),
        seen=(
            Measurement("seconds of an evaluation pass", round(found.seconds, 2)),
            Measurement("seconds of training between two of them", round(found.between, 2)),
            Measurement("training steps between two of them", found.steps),
        ),
        remark="is gone through each time",
        fixes=(Fix(f"evaluate every {every} {unit}, or on a part of the held-out data", Trust.IDEA),),
    )


def _share(e: EvaluationTimeFact) -> float:
    return e.seconds / (e.seconds + e.between)


def _is_too_much(e: EvaluationTimeFact, limits: Limits) -> bool:
    """Return whether evaluation outweighs training; one pass at the end of a run is none too often."""
    if e.passes < 1 or e.between <= 0 or e.seconds < limits.least:
        return False
    return _share(e) >= limits.share
