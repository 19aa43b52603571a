"""The model's last operation is a ReLU, and the loss asks for values it cannot give.

## What is wrong
A ReLU stands between the last layer and the loss. Its output is never negative, but the targets (or
the logits that the loss needs) are.

## Why it hurts
Negative targets can never be met. Where the last layer's output is below zero the ReLU passes no
gradient at all, so an output that has fallen to 0 stays there: predictions freeze at 0 and the loss
settles near the spread of the targets.

## How it is found
The operation nearest the loss is read from the autograd graph, and the range of the targets beside
it. For class scores, where no target is out of reach, units of that ReLU that are zero on every
sample prove it, or the same batch is fitted again without the ReLU.

## What to do
End the model with its last linear layer.

## When it is a false alarm
Targets that are non-negative by nature (counts, prices, pixel intensities, distances), including
small negative noise around a background of zero, ReLUs inside the model, softplus and exponentials,
rectified scores in margins and hinge losses, Q-values clipped on purpose, and GANs whose critic
ends with a rectified feature.

## Sources
A regression network that ends with a ReLU: https://stackoverflow.com/questions/48251943
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import ActivationFact, Facts, LossCallFact, OpFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Standing, Trust
from torchladder.rules.loop.trials import base_passed
from torchladder.rules.model.tails import (
    LOG_SOFTMAXES,
    RELUS,
    SIGMOIDS,
    SOFTMAXES,
    first_by_site,
    lines,
    plain_name,
    skip,
    squashing,
)
from torchladder.rules.registry import Plant, limit, rule

ELEMENTWISE = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "custom"})
BINARY = frozenset({"binary_cross_entropy_with_logits", "binary_cross_entropy"})
CLASSES = frozenset({"cross_entropy", "nll_loss"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How far below zero targets lie, and when a unit is dead."""

    noise: float = limit(0.1, unit="standard deviations", why="noise around a background of zero reaches so far")
    clear: float = limit(0.8, unit="standard deviations", why="targets on both sides of zero, not a tail of noise")
    min_samples: float = limit(100, unit="samples", why="a rare class is missing from fewer")


@rule(
    "TL203",
    rung=3,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL209", "TL220", "TL221", "TL402"),
    plants=(
        Plant("autoencoder", "nn.Linear(128, n_pixels))", "nn.Linear(128, n_pixels), nn.ReLU())"),
        Plant(
            "autoencoder",
            "F.mse_loss(model(noisy), clean)",
            "F.l1_loss(F.relu(model(noisy)), clean)",
        ),
        Plant(
            "sequence_rnn",
            "return self.out(last).squeeze(-1)",
            "return torch.relu(self.out(last)).squeeze(-1)",
        ),
    ),
    near_misses=(
        Plant(
            "autoencoder",
            "F.mse_loss(model(noisy), clean)",
            "F.mse_loss(F.relu(model(noisy)), clean - clean.min())",
        ),
        Plant(
            "autoencoder",
            "F.mse_loss(model(noisy), clean)",
            "F.mse_loss(F.leaky_relu(model(noisy), 0.5), clean)",
        ),
    ),
)
def relu_before_loss(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first loss that is given a ReLU's output it cannot be content with."""
    for call in first_by_site(facts.loss_calls, ELEMENTWISE | BINARY | CLASSES):
        op = squashing(call, _passed_over(call))
        if op is None or plain_name(op) not in RELUS:
            continue
        finding = _judge(facts, call, op, limits)
        if finding is not None:
            yield finding
            return


def _passed_over(call: LossCallFact) -> frozenset[str]:
    """Return the squashing that belongs to the loss itself."""
    if call.function == "nll_loss":
        return SOFTMAXES | LOG_SOFTMAXES | {"log"}
    return SIGMOIDS if call.function == "binary_cross_entropy" else frozenset()


def _judge(facts: Facts, call: LossCallFact, op: OpFact, limits: Limits) -> Finding | None:
    """Return what this loss and ReLU amount to, None when the ReLU may be meant."""
    target = call.target
    if call.function in ELEMENTWISE:
        if target is None or target.min is None or target.std is None:
            return None
        depth = -target.min / target.std if target.std > 0 else 0.0
        if target.min >= 0 or depth < limits.noise:
            return None
        seen = (Measurement("smallest target", round(target.min, 4), expected=">= 0"),)
        centred = target.mean is not None and target.mean < target.std
        standing = Standing.PROVEN if depth >= limits.clear and centred else Standing.SUSPECTED
        return _finding(call, op, "targets go below zero", seen, standing=standing)
    if call.function in BINARY:
        if target is None or target.mean is None or target.min is None or target.min > 0:
            return None
        seen = (Measurement("share of positive targets", round(target.mean, 3)),)
        return _finding(call, op, "no probability is below 0.5", seen)
    dead = _dead_scores(facts, call, op, limits)
    if dead is not None:
        seen = (Measurement("scores that are zero on every sample", dead.dead, expected=0),)
        what = f"{dead.dead} of {dead.units} scores are always zero"
        return _finding(call, op, what, seen, severity=Severity.WARNING)
    if base_passed(facts, call.phase):
        return None
    what = "no score is below zero"
    return _finding(call, op, what, (), severity=Severity.WARNING, standing=Standing.SUSPECTED)


def _dead_scores(facts: Facts, call: LossCallFact, op: OpFact, limits: Limits) -> ActivationFact | None:
    """Return the activation at the ReLU's line if some of its scores are zero on every sample."""
    for act in facts.activations or ():
        here = act.phase == call.phase and act.place == op.place and act.module == op.module
        if here and act.dead > 0 and act.n_samples >= limits.min_samples and op.place is not None:
            return act
    return None


def _finding(
    call: LossCallFact,
    op: OpFact,
    what: str,
    seen: tuple[Measurement, ...],
    *,
    severity: Severity = Severity.ERROR,
    standing: Standing = Standing.PROVEN,
) -> Finding:
    """Return the finding; ``what`` ends its message."""
    name = "the loss" if call.function == "custom" else f"`{call.function}`"
    return relu_before_loss.finding(
        f"{name} is given the output of a relu: {what}",
        severity=severity,
        where=lines(op.created, op.place, call.place),
        module=op.module,
        seen=seen,
        remark="zero at best, and no gradient below it",
        fixes=(Fix("give the loss the last layer's output, without this relu", change=skip(op)),)
        if skip(op)
        else (Fix("give the loss the last layer's output, without a relu", Trust.IDEA),),
        standing=standing,
        phase=call.phase,
    )
