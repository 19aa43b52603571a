"""Dropout that drops nearly everything, drops the answers themselves, or drops in evaluation.

## What is wrong
`p` is the share that is dropped, not the share that is kept: `p=0.9` leaves a tenth. Or dropout
stands after the last layer, on the logits. Or `F.dropout(x, p)` is called without
`training=self.training` (and attention with a `dropout_p` that does not ask for the mode): its
default is to drop, in evaluation as well.

## Why it hurts
A tenth of a layer carries little signal. A dropped logit is 0 whatever the model wanted to say, which
bounds how sure it can be. Active in evaluation, dropout makes every metric noisy and too low, and
two runs over the same data disagree.

## How it is found
Every call of dropout is seen with its `p`, its mode and the mode of the model around it; the
operations between the last layer and the loss are read from the graph.

## What to do
`p` between 0.1 and 0.5, before the last layer; `nn.Dropout`, or `training=self.training`.

## When it is a false alarm
Dropout that is left on on purpose says so (`training=True`), and is passed over; so is dropout before
the last layer, and whatever is dropped before a similarity or a product.

## Sources
torch.nn.functional.dropout: https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, OpFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.core.model_facts import DropoutFact
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.model.tails import LOG_SOFTMAXES, SHAPING, lines, plain_name, skip
from torchladder.rules.registry import Plant, limit, rule

DROPOUTS = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "alphadropout", "featurealphadropout"})
LOSSES = frozenset({
    "cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "multi_margin_loss",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be dropped."""

    p: float = limit(0.9, unit="share dropped", why="nobody's best setting; 0.8 is the most in published models")


@rule(
    "TL218",
    rung=3,
    severity=Severity.WARNING,
    needs=("dropouts", "loss_calls"),
    limits=Limits,
    explains=("TL220",),
    plants=(
        Plant("digits_mlp", "nn.Dropout(0.1)", "nn.Dropout(0.95)"),
        Plant("digits_cnn", "return self.fc2(x)", "return self.dropout(self.fc2(x))"),
        Plant("digits_mlp", "x = self.drop(x)", "x = nn.functional.dropout(x, 0.3)"),
    ),
    near_misses=(
        Plant("digits_mlp", "nn.Dropout(0.1)", "nn.Dropout(0.6)"),
        Plant("digits_mlp", "x = self.drop(x)", "x = nn.functional.dropout(x, 0.3, training=self.training)"),
        Plant("digits_mlp", "x = self.drop(x)", "x = nn.functional.dropout(x, 0.1, training=True)"),
    ),
)
def dropout_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield at most one finding of each of the three kinds."""
    rows = facts.dropouts or ()
    strong = next((d for d in rows if d.active and d.p >= limits.p), None)
    if strong is not None:
        yield _strong(facts, strong)
    on_logits = next(((c, op) for c in facts.loss_calls or () if (op := last_dropout(c)) is not None), None)
    if on_logits is not None:
        yield _on_logits(*on_logits)
    left_on = next((d for d in rows if d.active_in_eval and not d.gated), None)
    if left_on is not None:
        yield _left_on(left_on)


def last_dropout(call: LossCallFact) -> OpFact | None:
    """Return the dropout of a loss's input that nothing but reshapes parts from the last layer and from the loss."""
    if call.function not in LOSSES or not call.differentiated:
        return None
    telling = [op for op in call.tail if plain_name(op) not in SHAPING | LOG_SOFTMAXES]
    return telling[0] if len(telling) == 1 and plain_name(telling[0]) in DROPOUTS else None


def _strong(facts: Facts, d: DropoutFact) -> Finding:
    kept = round(1 - d.p, 3)
    phase = next((c.phase for c in facts.loss_calls or ()), 0)
    return dropout_misuse.finding(
        f"dropout with p = {d.p:g} drops nearly everything",
        severity=Severity.ERROR if base_failed(facts, phase) else Severity.WARNING,
        where=lines(d.created, d.place),
        module=d.module,
        seen=(Measurement("share of the values that is dropped", d.p, expected="0.1 to 0.5"),),
        notes=("`p` is the share that is dropped, not the share that is kept",),
        fixes=(Fix(f"drop less: p = {kept or 0.1:g}", change=_change(d, p=kept or 0.1)),),
    )


def _on_logits(call: LossCallFact, op: OpFact) -> Finding:
    return dropout_misuse.finding(
        f"dropout stands between the last layer and `{call.function}`",
        where=lines(op.created, op.place, call.place),
        module=op.module,
        seen=(Measurement("layers with weights between this dropout and the loss", 0, expected="at least 1"),),
        fixes=(Fix("leave the outputs of the last layer as they are", change=skip(op)),),
        phase=call.phase,
    )


def _left_on(d: DropoutFact) -> Finding:
    name = "attention with `dropout_p`" if d.function.startswith("scaled") else f"`{d.function}`"
    return dropout_misuse.finding(
        f"{name} drops values in evaluation as well",
        where=lines(d.place),
        module=d.module,
        seen=(
            Measurement(
                "calls that dropped values while the model was in evaluation mode", d.active_in_eval, expected=0
            ),
            Measurement("share of the values that is dropped", d.p),
        ),
        fixes=(Fix("drop in training only: `training=self.training`", change=_change(d, gate=True)),),
    )


def _change(d: DropoutFact, **what: float | bool) -> Change | None:
    if d.place is None:
        return None
    site = {"path": d.place.path, "line": d.place.line, "function": d.function, "module": d.module}
    return Change("set_dropout", {**site, **what})
