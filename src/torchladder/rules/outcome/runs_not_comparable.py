"""Runs that are compared start from different weights.

## What is wrong
One program trains the same model several times with other settings, and each run begins with
weights of its own.

## Why it hurts
What is seen is the setting and the luck of the draw together. Differences of the size of the spread
between seeds mean nothing.

## How it is found
Trainings of models that were made at one line, with other optimizers or rates, are compared by
their weights at the first step.

## What to do
Set the same seed before each model is built, or start each from a copy of one initial state; better,
repeat each setting with several seeds.

## When it is a false alarm
Ensembles, folds and repetitions train alike and are meant to differ: only runs whose settings differ
are spoken of, and only as a remark.

## Sources
Reproducibility: https://pytorch.org/docs/stable/notes/randomness.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts, OptimizerFact, RootFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.rules.registry import NoLimits, Plant, rule

HEAD = "model = MLP()\ncriterion = nn.CrossEntropyLoss()\noptimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n"
RUNS = (
    "criterion = nn.CrossEntropyLoss()\nfor rate in ({rates}):\n{seed}    model = MLP()\n"
    "    optimizer = torch.optim.Adam(model.parameters(), lr=rate)\n    for xb, yb in train_loader:\n"
    "        optimizer.zero_grad()\n        criterion(model(xb), yb).backward()\n        optimizer.step()\n"
)


@rule(
    "TL806",
    rung=6,
    severity=Severity.NOTE,
    needs=("roots", "optimizers", "parameters"),
    plants=(
        Plant("digits_mlp", HEAD, RUNS.format(rates="1e-3, 4e-3, 2e-3", seed="")),
        Plant("digits_mlp", HEAD, RUNS.format(rates="3e-3, 2e-3", seed="")),
    ),
    near_misses=(
        Plant("digits_mlp", HEAD, RUNS.format(rates="1e-3, 2e-3", seed="    torch.manual_seed(0)\n")),
        Plant("digits_mlp", HEAD, RUNS.format(rates="2e-3, 2e-3", seed="")),
    ),
)
def runs_not_comparable(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001 - the signature of all checks
    """Yield a note for the first model line whose trainings have other settings and other first weights."""
    optimizers = {o.phase: o for o in facts.optimizers or ()}
    groups: dict[object, list[RootFact]] = {}
    for root in facts.roots or ():
        if root.phase in optimizers and root.created is not None:
            groups.setdefault((root.type, root.n_parameters, root.created), []).append(root)
    for group in groups.values():
        phases = sorted({r.phase for r in group})
        if len(phases) < 2 or len({_settings(optimizers[p]) for p in phases}) < 2:  # noqa: PLR2004 - a comparison
            continue
        starts = {_weights(facts, p) for p in phases}
        if None not in starts and len(starts) == len(phases):
            yield runs_not_comparable.finding(
                f"{len(phases)} runs with other settings start from different weights",
                where=tuple(p for p in (group[0].created,) if p),
                seen=(Measurement("different starting weights", len(starts), f"in {len(phases)} runs", expected=1),),
                fixes=(Fix("set the same seed before each model is built"),),
            )
            return


def _settings(optimizer: OptimizerFact) -> tuple[object, ...]:
    """Return what tells one setting from another."""
    rates = tuple((g.get("initial_lr") or g.get("lr"), g.get("weight_decay")) for g in optimizer.groups)
    return (optimizer.type, rates)


def _weights(facts: Facts, phase: int) -> tuple[tuple[str, float | None], ...] | None:
    """Return the norms of a phase's weights at its first step, None when they were not all fresh then."""
    here = [p for p in facts.parameters or () if p.phase == phase and p.registered and len(p.shape) > 1]
    own = [p for p in here if p.used is not False or p.in_optimizer]  # not those of a model that was trained earlier
    if not all(p.fresh for p in own):
        return None
    return tuple((p.name.rpartition(":")[2], p.weight_norm) for p in own)
