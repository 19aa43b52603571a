"""Held-out predictions are worse than the best answer that ignores the input.

## What is wrong
After training, a constant (the mean of the targets, the most frequent class) would do better on
held-out data than the model does.

## Why it hurts
A model below the dumb baseline has learnt nothing that holds, whatever its training loss says.

## How it is found
The last held-out pass of the program's own run: mean squared error above the variance of its
targets, or accuracy clearly below the share of the most frequent class although the loss is no better
than the entropy of the labels.

## What to do
Compare how training and held-out data are prepared; then stop earlier; then look at the split.

## When it is a false alarm
Losses and samplers that weigh rare classes give up accuracy on purpose.

## Sources
The ladder's rung 2: the dumb baseline.
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Measurement, Severity
from torchladder.rules.outcome.held_out import LIKELIHOODS, held_out, standard_error
from torchladder.rules.registry import Plant, rule

SHORT = """x_train, y_train = x[:2048], y[:2048]"""


@rule(
    "TL607",
    rung=6,
    severity=Severity.NOTE,
    needs=("evaluations", "outcome"),
    plants=(
        Plant("regression", SHORT, "x_train, y_train = x[:96], torch.randn(96)\nepochs = 200"),
        Plant("regression", SHORT, "x_train, y_train = x[:96], y[:96] + torch.randn(96)\nepochs = 300"),
    ),
    near_misses=(
        Plant("regression", "epochs = 20", "epochs = 10"),
        Plant("digits_mlp", "nn.Dropout(0.1)", "nn.Dropout(0.3)"),
    ),
)
def below_baseline(facts: Facts, limits: None) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one note about a last pass that is worse than blind."""
    passes = held_out(facts.evaluations or ())
    if not passes:
        return
    e = passes[-1]
    where = (e.place,) if e.place is not None else ()
    if e.kind == "values" and e.error is not None and e.blind and e.error > e.blind * (1 + 2 / math.sqrt(e.rows)):
        yield below_baseline.finding(
            "held-out predictions are worse than their mean",
            where=where,
            seen=(
                Measurement(
                    "held-out mean squared error", round(e.error, 4), expected=f"below {e.blind:.4g}", step=e.step
                ),
            ),
        )
    elif e.accuracy is not None and e.majority is not None and e.rows:
        low = e.accuracy < e.majority - 3 * standard_error(e.majority, e.rows)
        known = e.loss is not None and e.blind is not None and e.loss_function in LIKELIHOODS
        if low and known and e.loss is not None and e.blind is not None and e.loss > e.blind:
            yield below_baseline.finding(
                "held-out predictions are worse than always naming the most frequent class",
                where=where,
                seen=(
                    Measurement("held-out accuracy", round(e.accuracy, 4), expected=round(e.majority, 4), step=e.step),
                ),
            )
