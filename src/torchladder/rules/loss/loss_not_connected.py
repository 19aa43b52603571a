"""A loss is computed, and never differentiated, though parameters wait for it.

## What is wrong
A term is computed in every training step, with a graph, but no backward pass ever reaches it: it was
left out of the sum, or another variable is differentiated.

## Why it hurts
The parameters that only this loss reaches never change, and what is printed is not what is trained.

## How it is found
Each loss call's node is looked for in the graph of every scalar that is differentiated. A loss never
found there, which reaches parameters that an optimizer holds and no backward pass reached, is the fault.

## What to do
Add the term to the loss that `backward()` is called on, or compute it under `torch.no_grad()`.

## When it is a false alarm
Losses of evaluation, monitoring of parameters that other losses train, frozen parameters and losses
that are differentiated in another step are passed over.

## Sources
Autograd mechanics: https://pytorch.org/docs/stable/notes/autograd.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When a loss is forgotten."""

    times: float = limit(4, unit="training steps", why="a loss may begin to count after the first steps")


@rule(
    "TL310",
    rung=3,
    severity=Severity.WARNING,
    needs=("idle_losses",),
    limits=Limits,
    explains=("TL208", "TL213", "TL220", "TL402"),
    plants=(
        Plant("padded_rnn", "loss = next_loss + 0.5 * gap_loss", "loss = next_loss"),
        Plant("padded_rnn", "        loss.backward()\n", "        gap_loss.backward()\n"),
    ),
    near_misses=(
        Plant(
            "padded_rnn",
            "loss = next_loss + 0.5 * gap_loss",
            "loss = next_loss + 0.5 * gap_loss\n"
            "        shown = F.l1_loss(logits.softmax(2).sum(2), torch.ones(targets.shape))",
        ),
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "logits = model(xb)\n        monitored = criterion(logits, yb)\n"
            "        loss = nn.functional.multi_margin_loss(logits, yb)",
        ),
    ),
)
def loss_not_connected(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each idle loss whose parameters nothing else trains."""
    for row in facts.idle_losses or ():
        if not row.lonely or row.times < limits.times:
            continue
        named = ", ".join(f"`{n}`" for n in row.lonely[:2])
        yield loss_not_connected.finding(
            f"`{row.function}` is computed in each step, but no `backward()` reaches it",
            where=(row.place,) if row.place is not None else (),
            seen=(Measurement("parameters that only this loss reaches", len(row.lonely), expected=0),),
            notes=(f"without gradient: {named}" + (" and others" if len(row.lonely) > 2 else ""),),  # noqa: PLR2004
            fixes=(Fix("add it to the loss that is differentiated, or compute it under `torch.no_grad()`"),),
        )
