"""The loss goes the wrong way: its negative is differentiated, or it is maximised.

## What is wrong
A minus too many, a minus too few (log-likelihood is to be made large), `maximize=True` with a loss, or one
term of a hand-written loss that has the wrong sign or is not there at all, so that nothing bounds it.

## Why it hurts
The optimizer makes the model as wrong as it can. The number printed falls nicely, without end.

## How it is found
The differentiated scalar is compared with the value of the loss it depends on: a fixed negative
multiple is the fault. A hand-written scalar is compared with the negatives of the usual losses of the
same two tensors. `maximize` is read from the optimizer's groups. A loss without a lower bound is known by
its pull: every sample of every step looked at pushes one output of the model the same way, no less strongly
as the loss falls below zero.

## What to do
Remove the minus (or add the missing one), or `maximize=True`.

## When it is a false alarm
Adversaries, critics, policy gradients, likelihood ratios and unlearning go upwards on purpose: programs
with several optimizers, weighted samples, several losses in one scalar, or pretrained models are passed
over, as is a loss that falls all the same. Densities whose logarithm is above 0 make a loss negative, too:
their outputs are held between two pulls.

## Sources
Negative log-likelihood: https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.pull_facts import PullFact
from torchladder.core.step_facts import ObjectiveFact
from torchladder.rules.registry import Plant, limit, rule

POSITIVE = {
    "cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss", "nll_loss",
    "smooth_l1_loss", "huber_loss", "ctc_loss", "multi_margin_loss", "soft_margin_loss", "multilabel_soft_margin_loss",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes a sign certain."""

    passes: float = limit(3, unit="backward passes", why="a first step may be unlike the others")
    samples: float = limit(100, unit="rows of gradients", why="a few samples may agree by chance")
    steady: float = limit(0.25, unit="of the strongest pull", why="a pull that fades lets the loss come to rest")
    fall: float = limit(2.0, unit="of the first loss, at least 1", why="a loss that starts near zero may cross it")


@rule(
    "TL303",
    rung=3,
    severity=Severity.ERROR,
    needs=("objectives", "optimizers"),
    limits=Limits,
    explains=("TL203", "TL209", "TL210", "TL212", "TL220", "TL221", "TL305", "TL401", "TL402"),
    plants=(
        Plant("digits_mlp", "loss = criterion(model(xb), yb)", "loss = -criterion(model(xb), yb)"),
        Plant(
            "digits_cnn",
            "loss = F.cross_entropy(logits, yb)",
            "loss = F.log_softmax(logits, dim=1)[torch.arange(len(yb)), yb].mean()",
        ),
        Plant("digits_mlp", "lr=2e-3)", "lr=2e-3, maximize=True)"),
        Plant(
            "regression",
            "loss = mse(model(xb).squeeze(-1), yb)",
            "loss = -(model(xb).squeeze(-1) - yb).square().mean()",
        ),
        Plant(
            "digits_cnn",
            "loss = F.cross_entropy(logits, yb)",
            "trust = 0.5 + torch.rand(len(yb))\n"
            "        loss = -(logits.gather(1, yb.unsqueeze(1)).squeeze(1) * trust).sum() / trust.sum()",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = -torch.log_softmax(model(xb), dim=1)[torch.arange(len(yb)), yb].mean()",
        ),
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "logits = model(xb)\n        p = logits.softmax(dim=1)\n"
            "        loss = criterion(logits, yb) + 0.01 * (p * p.clamp_min(1e-6).log()).sum(dim=1).mean()",
        ),
    ),
)
def loss_wrong_sign(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for a program that climbs where it is to descend, or descends where there is no bottom."""
    optimizers = facts.optimizers or ()
    if not all(o.n_registered for o in optimizers):
        return  # an input that is made to fool a model is no model
    loaded = {r.phase for r in facts.roots or () if r.pretrained}
    rows = [row for row in facts.pulls or () if row.phase not in loaded and _is_unbounded(row, limits)]
    if rows and len({o.created for o in optimizers}) == 1:  # folds, not players against each other
        yield _unbounded(rows[0])
        return
    if len(optimizers) != 1 or loaded:
        return
    for row in facts.objectives or ():
        told = _told(row, optimizers[0])
        if told is None or row.passes < limits.passes or _falls(row):
            continue
        message, title, seen = told
        yield loss_wrong_sign.finding(
            message,
            where=tuple(dict.fromkeys(p for p in (*row.losses, *_lines(facts, row), row.place) if p is not None)),
            seen=(seen, Measurement("the loss, first and last seen", [_short(row.values[0]), _short(row.values[-1])])),
            fixes=(Fix(title, change=Change("scale_gradients", {"phase": row.phase, "factor": -1.0})),),
            phase=row.phase,
        )
        return


def _told(row: ObjectiveFact, optimizer: OptimizerFact) -> tuple[str, str, Measurement] | None:
    """Return message, fix and evidence of a wrong sign, None when the sign is right or cannot be told."""
    maximized = bool(optimizer.groups) and all(g.get("maximize") for g in optimizer.groups)
    name = row.functions[0] if len(row.functions) == 1 else None
    if name is not None and name not in POSITIVE:
        return None
    if name is not None and row.scale is not None:
        if row.scale < 0 and not maximized:
            seen = Measurement("differentiated scalar over the loss", round(row.scale, 4), expected="> 0")
            return f"the negative of `{name}` is minimised: the loss itself grows", "remove the minus", seen
        if row.scale > 0 and maximized:
            seen = Measurement("maximize", value=True, expected=False)
            return f"`{optimizer.type}` is told to maximise `{name}`", "remove `maximize=True`", seen
    if name is None and row.negated is not None and not maximized and not row.losses:
        seen = Measurement("hand-written scalar", f"exactly -{row.negated}", expected=row.negated)
        return f"what is minimised is the negative of `{row.negated}`", "add the missing minus", seen
    return None


def _is_unbounded(row: PullFact, limits: Limits) -> bool:
    """Tell whether some outputs are pulled one way throughout, as strongly as ever, while the loss goes below 0."""
    if not row.one_way or row.looks < limits.passes or row.samples < limits.samples or not row.values:
        return False
    first, last = row.values[0], row.values[-1]
    down = last < 0 and last <= min(row.values) and first - last >= limits.fall * max(abs(first), 1.0)
    return down and row.sizes[-1] >= limits.steady * max(row.sizes) > 0


def _unbounded(row: PullFact) -> Finding:
    which = f"`{row.layer}`" if row.layer else "one layer"
    part = f"{len(row.one_way)} of {row.columns} outputs of {which}" if row.columns > 1 else f"the output of {which}"
    return loss_wrong_sign.finding(
        f"the loss has no lower bound: every sample pushes {part} one way",
        where=row.lines,
        seen=(
            Measurement("samples that push it the other way", 0, f"of {row.samples:,}"),
            Measurement("strength of the pull, first and last seen", [_short(row.sizes[0]), _short(row.sizes[-1])]),
            Measurement("the loss, first and last seen", [_short(row.values[0]), _short(row.values[-1])]),
        ),
        fixes=(
            Fix("look for the term that is to hold this output back: its sign, or whether it is there", Trust.IDEA),
        ),
        phase=row.phase,
    )


def _falls(row: ObjectiveFact) -> bool:
    """Return whether the loss gets smaller all the same: its gradient is turned round somewhere else."""
    first, last = row.values[0], row.values[-1]
    if row.negated is not None:
        first, last = -first, -last
    return last < first


def _lines(facts: Facts, row: ObjectiveFact) -> tuple[Place, ...]:
    """Return the lines of the hand-written loss of a phase."""
    if row.losses:
        return ()
    calls = [c for c in facts.loss_calls or () if c.phase == row.phase and c.function == "custom"]
    return calls[0].lines[:2] if calls else ()


def _short(value: float) -> float:
    return float(f"{value:.4g}")
