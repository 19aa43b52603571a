"""Parameters of a DistributedDataParallel model get no gradient on some process.

## What is wrong
DistributedDataParallel waits for the gradient of every parameter before it averages. A parameter that the loss does not
reach on some process (a head that is not called, a branch that depends on the data) never has one.

## Why it hurts
Gradients that share its bucket stay unaveraged, the next forward pass raises "Expected to have finished reduction
in the prior iteration", and where only some processes lack the gradient the others wait for ever. With
`find_unused_parameters=True` all runs, and a part of the model that is never trained goes unnoticed.

## How it is found
At the first step, before the optimizer steps, each process leaves the number of trainable parameters without a
gradient. With `find_unused_parameters=True` only parameters that have none on any process at any look are
reported, as a remark.

## What to do
Remove what is not used or freeze it before wrapping (`requires_grad_(False)`); where branches depend on the data,
`find_unused_parameters=True`.

## When it is a false alarm
Parameters that are used on and off with `find_unused_parameters=True`, frozen parameters, static graphs and steps
inside `no_sync` are left alone.

## Sources
https://pytorch.org/docs/stable/notes/ddp.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.distributed_facts import UnusedFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a parameter must be without a gradient where that is allowed."""

    min_looks: float = limit(6, unit="looks", why="a branch may be taken now and then")


@rule(
    "TL705",
    rung=6,
    severity=Severity.ERROR,
    needs=("unused",),
    limits=Limits,
    explains=("TL701",),
    plants=(
        Plant(
            "digits_ddp",
            "        self.fc2 = nn.Linear(64, 10)\n",
            "        self.fc2 = nn.Linear(64, 10)\n        self.aside = nn.Linear(64, 10)\n",
            crashes=True,
            ranks=2,
        ),
        Plant(
            "digits_ddp",
            "        return self.fc2(x)\n",
            "        return self.fc2(x if rank == 0 else x.detach())\n",
            crashes=True,
            ranks=2,
        ),
    ),
    near_misses=(
        Plant(
            "digits_ddp",
            "        x = F.relu(self.fc1(torch.flatten(x, 1)))\n        return self.fc2(x)\n",
            "        x = F.relu(self.fc1(torch.flatten(x, 1)))\n        return self.fc2(x * (1 + rank * 1e-3))\n",
            ranks=2,
        ),
        Plant("digits_ddp", "    net = Net()\n", "    net = Net()\n    net.conv1.requires_grad_(False)\n", ranks=2),
        Plant(
            "digits_ddp",
            "DistributedDataParallel(net) if",
            "DistributedDataParallel(net, find_unused_parameters=True) if",
            ranks=2,
        ),
    ),
)
def unused_parameters(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose model has parameters that the loss does not reach."""
    for fact in facts.unused or ():
        if fact.static_graph or not fact.names:
            continue
        if not fact.find_unused:
            yield _waited_for(fact)
        elif fact.looks >= limits.min_looks and fact.always == fact.looks:
            yield _never(fact)


def _waited_for(fact: UnusedFact) -> Finding:
    everywhere = fact.ranks == fact.of > 1
    on = "any process" if everywhere else f"{fact.ranks} of {fact.of} processes" if fact.of > 1 else "one process"
    return unused_parameters.finding(
        f"`{fact.names[0]}` has no gradient on {on}, and DistributedDataParallel waits for it"[:100],
        where=(fact.place,) if fact.place is not None else (),
        module=fact.names[0].rpartition(".")[0] or None,
        seen=(
            Measurement("trainable parameters without a gradient", fact.most, expected=0, step=fact.step),
            Measurement("processes that lack them", fact.ranks, unit=f"of {fact.of}", expected=0),
        ),
        notes=() if everywhere else ("the other processes may wait for ever",),
        fixes=(
            Fix("leave out or freeze what the loss does not reach, before wrapping the model", Trust.IDEA),
            Fix("pass `find_unused_parameters=True` where branches depend on the data", Trust.IDEA),
        ),
        phase=fact.phase,
    )


def _never(fact: UnusedFact) -> Finding:
    return unused_parameters.finding(
        f"`{fact.names[0]}` never has a gradient on any process",
        severity=Severity.NOTE,
        where=(fact.place,) if fact.place is not None else (),
        module=fact.names[0].rpartition(".")[0] or None,
        seen=(
            Measurement("trainable parameters without a gradient", fact.most, expected=0, step=fact.step),
            Measurement("looks at which it had none", fact.always, unit=f"of {fact.looks}", expected=0),
        ),
        fixes=(
            Fix(
                "leave it out or freeze it; `find_unused_parameters=True` costs a walk of the graph a step", Trust.IDEA
            ),
        ),
        phase=fact.phase,
    )
