"""The optimizer holds other tensors than the loss is computed from.

## What is wrong
None of the optimizer's tensors is in the graph of the loss: they belong to another instance of the
model, to copies, or to layers that were replaced after the optimizer was built.

## Why it hurts
Its steps change tensors that nobody uses. The model keeps its random start.

## How it is found
The leaves that the loss reaches are compared with the tensors the optimizer holds. They have none
in common over the observed steps, or from some step to the end (a model that was pruned or rebuilt on
the way), and parameters that get gradients are in no optimizer at all.

## What to do
Build the optimizer from `model.parameters()` of the model that trains, after it has its final form.

## When it is a false alarm
Another optimizer that holds what the loss reaches (GANs, actor and critic, alternating steps);
gradients that are set by hand before the step; a path cut off by `detach` (the optimizer is right,
the graph is not); `.to(device)`, which keeps the tensors.

## Sources
Constructing an optimizer: https://pytorch.org/docs/stable/optim.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How many steps must have been seen."""

    min_steps: float = limit(3, unit="dense steps", why="an alternating scheme shows by then")
    watched: float = limit(200, unit="steps", why="time for the new tensors to learn, when the fix is tried")


@rule(
    "TL407",
    rung=3,
    severity=Severity.ERROR,
    needs=("optimizers", "parameters"),
    limits=Limits,
    explains=("TL220", "TL221", "TL402", "TL408"),
    plants=(
        Plant(
            "digits_mlp",
            "torch.optim.Adam(model.parameters()",
            "torch.optim.Adam(MLP().parameters()",
        ),
        Plant(
            "sequence_rnn",
            "torch.optim.Adam(model.parameters(), lr=lr)",
            "torch.optim.Adam(\n            [p.detach().clone().requires_grad_() for p in"
            " model.parameters()], lr=lr\n        )",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)",
            'optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\nmodel = model.to("cpu", torch.float32)',
        ),
        Plant(
            "digits_mlp",
            "torch.optim.Adam(model.parameters(), lr=2e-3)",
            "torch.optim.Adam([p for name, p in model.named_parameters()], lr=2e-3)",
        ),
    ),
)
def optimizer_wrong_parameters(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer none of whose tensors the loss reaches."""
    for optimizer in facts.optimizers or ():
        since = _since(optimizer, limits)
        if since is None:
            continue
        orphans = [
            p
            for p in facts.parameters or ()
            if p.phase == optimizer.phase
            and p.reached
            and p.requires_grad
            and not p.in_any_optimizer
            and p.changed is not True
        ]
        if not orphans:
            continue
        when = f"from step {since} on " if since else ""
        yield optimizer_wrong_parameters.finding(
            f"{when}the optimizer holds 0 of the {len(orphans)} parameters that the loss reaches",
            where=_places(optimizer, orphans, since),
            seen=(
                Measurement("tensors in the optimizer", optimizer.n_tensors),
                Measurement("of them reached by the loss", 0, expected=optimizer.n_tensors, step=since or None),
            ),
            notes=(f"in no optimizer: {', '.join(p.name for p in orphans[:3])}",),
            fixes=(
                Fix(
                    "build the optimizer from the parameters of the model that trains",
                    change=Change("repoint_optimizer", _change(optimizer, since, limits)),
                ),
            ),
            phase=optimizer.phase,
        )


def _since(optimizer: OptimizerFact, limits: Limits) -> int | None:
    """Return the step from which the optimizer had no gradient to the end, None when it had."""
    if optimizer.n_reached == 0:
        blind = optimizer.gradless_steps == optimizer.dense_steps >= limits.min_steps
        return 0 if blind else None
    return optimizer.idle_from if optimizer.idle_steps >= limits.min_steps else None


def _places(optimizer: OptimizerFact, orphans: list[ParameterFact], since: int) -> tuple[Place, ...]:
    """Return where the optimizer was made (or steps), and where the layers were that took the place of its own."""
    later = [p.created for p in orphans[:1]] if since else []
    known = tuple(dict.fromkeys(p for p in (optimizer.created, *later) if p is not None))
    return known or optimizer.step_places[:1]


def _change(optimizer: OptimizerFact, since: int, limits: Limits) -> dict[str, int]:
    args = {"phase": optimizer.phase}
    return args | {"since": since, "until": since + int(limits.watched)} if since else args
