"""The run ends in the middle of its fall: it was cut off before the loss slowed down.

## What is wrong
Nothing is wired wrongly. The last fifth of the run improved held-out data about as fast as the fifths before it.

## Why it hurts
What the model could have reached with more of the same was not waited for, and a run that is compared with others at
this point is judged by its speed alone.

## How it is found
In a log: the last fifth made a tenth of the whole fall or more, more than single values scatter, its end is the best
of all, and three tenths of the loss at the start or more are left. Far from a fit and slow is underfitting, not this.
What half as many epochs again would give is told from the tail of the curve, with an interval.

## What to do
Train on from the last state; a schedule that ends at 0 has to be made longer instead.

## When it is a false alarm
It is a remark only: short runs are often meant to be short.

## Sources
Scaling of loss with training time: https://arxiv.org/abs/2203.15556
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.rules.outcome.log_finding import of_log
from torchladder.rules.registry import NoLimits, rule


@rule("TL610", rung=6, severity=Severity.NOTE, needs=("logs",), plants=(), near_misses=())
def still_improving(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a log that breaks off in the middle of a fall."""
    yield from of_log(still_improving, facts)
