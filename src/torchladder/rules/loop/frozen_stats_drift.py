"""The statistics of a frozen backbone go on moving.

## What is wrong
The parameters of a pretrained part are frozen, but it runs in training mode: its batch norm
normalises with the statistics of the batch at hand, and overwrites the running ones.

## Why it hurts
What is frozen is not fixed. The features drift while the new head learns to read them, small
batches make them noisy, and at evaluation other statistics are used than those of the pretraining.

## How it is found
Batch-norm layers without a trainable parameter are looked at in training steps: their mode, and how
far their running mean moves from the first step looked at to the last.

## What to do
Call `eval()` on the frozen part after each `train()`.

## When it is a false alarm
Layers that are trained, or whose model was never trained before; adapting nothing but the
statistics (AdaBN) freezes everything and trains nothing. Models of which little is frozen are left
alone.

## Sources
Transfer learning: https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule

GUARD = (
    "        if not any(p.requires_grad for p in net.features.parameters()):\n"
    "            net.features.eval()  # frozen features keep their batch statistics\n"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When statistics have moved."""

    drift: float = limit(1e-3, unit="standard deviations", why="one step of momentum 0.1 moves more than that")
    frozen: float = limit(0.3, unit="share of the parameters", why="a frozen backbone is most of its model")


@rule(
    "TL511",
    rung=4,
    severity=Severity.WARNING,
    needs=("frozen_stats",),
    limits=Limits,
    plants=(
        Plant("finetune", GUARD, ""),
        Plant(
            "finetune",
            "            net.features.eval()  # frozen",
            "            net.features.requires_grad_(False)  # frozen",
        ),
    ),
    near_misses=(
        Plant("finetune", "    p.requires_grad = False\n", "    p.requires_grad = True\n"),
        Plant(
            "finetune", "            net.features.eval()  # frozen", "            net.features.train(False)  # frozen"
        ),
    ),
)
def frozen_stats_drift(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first phase whose frozen, pretrained layers move their statistics."""
    for f in facts.frozen_stats or ():
        if not (f.trained_before and f.moving and f.drift > limits.drift and f.frozen_share >= limits.frozen):
            continue
        yield frozen_stats_drift.finding(
            "the batch norm of a frozen part runs in training mode: its statistics move",
            where=(f.place,) if f.place else (),
            module=f.names[0] if f.names else None,
            seen=(
                Measurement("frozen batch-norm layers in training mode", f.moving, f"of {f.layers}", expected=0),
                Measurement("drift of a running mean", float(f"{f.drift:.3g}"), "standard deviations", expected=0),
                Measurement("share of the parameters that is frozen", round(f.frozen_share, 3)),
            ),
            remark="puts the frozen part into training mode too",
            fixes=(Fix("call eval() on the frozen part after train()", change=Change("frozen_eval")),),
            phase=f.phase,
        )
        return
