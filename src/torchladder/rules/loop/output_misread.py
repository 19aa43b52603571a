"""Raw outputs are compared with a threshold that is meant for probabilities.

## What is wrong
The model returns logits (or log-probabilities), and the evaluation compares them with 0.5, or
rounds them, as if they were probabilities.

## Why it hurts
A logit of 0.5 is a probability of 0.62: samples between even odds and that are counted as negative,
so that recall and accuracy are lower than the model is. Log-probabilities are never above zero, and
no threshold between 0 and 1 is ever reached.

## How it is found
Comparisons of the very values that the model returned with a number between 0 and 1 are noted outside
training; their range shows that they are no probabilities, and the loss that they are logits.

## What to do
Compare `torch.sigmoid(output)` with the threshold, or the logits with 0.

## When it is a false alarm
Regression on 0/1 targets is rightly cut at 0.5; a threshold other than one half may have been tuned
on the logits; taking the largest output needs no probabilities.

## Sources
BCEWithLogitsLoss: https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import ReadingFact
from torchladder.rules.registry import Plant, limit, rule

HALF = 0.5
LOG_LOSSES = {"nll_loss", "kl_div"}


@dataclass(frozen=True, slots=True)
class Limits:
    """When values are no probabilities, and reading them so matters."""

    outside: float = limit(
        0.3, unit="share of the values", why="most outputs of a trained classifier lie beyond 0 and 1"
    )
    between: float = limit(0.001, unit="share of the values", why="with none between the answers are the same")
    values: float = limit(20, unit="values", why="a few say little about their range")


@rule(
    "TL514",
    rung=4,
    severity=Severity.WARNING,
    needs=("readings", "loss_calls"),
    limits=Limits,
    plants=(
        Plant("tabular", "(model(features).squeeze(-1) > 0) ==", "(model(features).squeeze(-1) > 0.5) =="),
        Plant("sequence_rnn", "((self.model(x) > 0) == (y > 0.5))", "(self.model(x).round().clamp(0, 1) == y)"),
    ),
    near_misses=(
        Plant("tabular", "(model(features).squeeze(-1) > 0) ==", "(model(features).squeeze(-1).sigmoid() > 0.5) =="),
        Plant("sequence_rnn", "(self.model(x) > 0)", "(torch.sigmoid(self.model(x)) > 0.5)"),
    ),
)
def output_misread(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first line that reads logits, or log-probabilities, as probabilities."""
    losses = {c.function for c in facts.loss_calls or () if c.differentiated}
    logits = losses == {"binary_cross_entropy_with_logits"}
    for r in facts.readings or ():
        if r.values < limits.values or r.outside < limits.outside:
            continue
        if logits and r.threshold == HALF and r.between >= limits.between:
            yield _finding(r, "logits", "torch.sigmoid")
            return
        if losses and losses <= LOG_LOSSES and r.high <= 0:
            yield _finding(r, "log-probabilities", "torch.exp")
            return


def _finding(r: ReadingFact, what: str, remedy: str) -> Finding:
    """Return the finding."""
    seen = [Measurement("range of the values compared", f"{r.low:.3g} to {r.high:.3g}", expected="0 to 1")]
    change = None
    if what == "logits":
        seen.append(Measurement("share that the threshold puts on the wrong side", round(r.between, 4), expected=0))
        if r.place is not None:
            change = Change("read_logits", {"path": r.place.path, "line": r.place.line, "function": r.function})
    verb = "rounded" if r.function == "round" else f"compared with {r.threshold:g}"
    return output_misread.finding(
        f"{what} are {verb} as if they were probabilities",
        where=(r.place,) if r.place else (),
        seen=tuple(seen),
        remark=f"holds {what}",
        fixes=(Fix(f"apply `{remedy}` first", change=change),),
    )
