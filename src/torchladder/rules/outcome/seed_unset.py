"""No seed is set: the same program gives other results each time.

## What is wrong
Weights, order and masks are drawn from generators that start anywhere.

## Why it hurts
A result cannot be repeated, and a small gain cannot be told from luck.

## How it is found
Calls of `torch.manual_seed` and the like are noted; a program that trains and never makes one has no
seed.

## What to do
Call `torch.manual_seed(0)` before the model is built, and seed NumPy and `random` where they are used.

## When it is a false alarm
A program that is run many times on purpose, to see the spread: this is a remark, never more.

## Sources
Reproducibility: https://pytorch.org/docs/stable/notes/randomness.html
"""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.rules.registry import NoLimits, Plant, rule


@rule(
    "TL801",
    rung=6,
    severity=Severity.NOTE,
    needs=("seeds", "program"),
    plants=(
        Plant("digits_mlp", "torch.manual_seed(0)\n", ""),
        Plant("digits_cnn", "    torch.manual_seed(0)\n", ""),
    ),
    near_misses=(
        Plant("digits_mlp", "torch.manual_seed(0)\n", "torch.random.manual_seed(0)\n"),
        Plant("digits_cnn", "    torch.manual_seed(0)\n", "    seed = 3\n    torch.manual_seed(seed)\n"),
    ),
)
def seed_unset(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001 - the signature of all checks
    """Yield a note for a program that trains without a seed."""
    trained = facts.program is not None and facts.program.training
    torch_seeds = [s for s in facts.seeds or () if s.generator == "torch"]
    if not trained or torch_seeds:
        return
    created = next((o.created for o in facts.optimizers or () if o.created), None)
    yield seed_unset.finding(
        "no seed is set: another run of this program gives other results",
        where=(created,) if created else (),
        seen=(Measurement("calls that set the seed of torch", 0, expected=1),),
        fixes=(Fix("call torch.manual_seed() before the model is built"),),
    )
