"""The processes of one training hold different weights.

## What is wrong
Data-parallel training averages gradients, which is only right between equal copies of a model. Here the copies
differ: they started from different weights, were changed on one process alone, or the gradients are not averaged.

## Why it hurts
Gradients of different models are averaged, or each process trains a model of its own and all but one are thrown away.
What is saved and evaluated is not what was trained, and the loss that is printed is that of one process.

## How it is found
At a few steps, the same on every process, each process leaves a checksum of its weights, of its gradients and of its
batch in the store that the processes met through; the first process compares them. Weights have to agree inside
DistributedDataParallel, and wherever the gradients agree to the bit. Copies fed by a DistributedSampler that start
equal, then differ at every look and at the end of the run, were never averaged.

## What to do
Wrap the model before training and call the wrapped model, not `model.module`. Do not change weights after wrapping
on one process, or from a seed of its own. With gradients averaged by hand: `dist.broadcast` every parameter from
process 0 first.

## When it is a false alarm
Weights that are spread over the processes by design (FSDP, tensor parallelism) and steps inside `no_sync` or under
local SGD are not compared; differences within rounding are not reported (processors of different kinds).

## Sources
Weights are sent from process 0 once, at construction:
https://pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.distributed_facts import RoundFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

DDP = "DistributedDataParallel"
WRAP = "    model = DistributedDataParallel(net) if ranks > 1 else net\n"
TO_BACKWARD = (
    "    net = Net()\n" + WRAP + "    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)\n"
    "    for epoch in range(6):\n        if ranks > 1:\n            sampler.set_epoch(epoch)\n        model.train()\n"
    "        for images, labels in train_loader:\n            optimizer.zero_grad()\n"
    "            loss = F.cross_entropy(model(images), labels)\n            loss.backward()\n"
)
STEP = "            optimizer.step()\n"
BY_HAND = (
    TO_BACKWARD.replace("DistributedDataParallel(net) if ranks > 1 else net", "net")
    + "            for p in net.parameters():\n                dist.all_reduce(p.grad)\n"
    "                p.grad /= ranks\n"
)
LOCAL_SGD = (
    TO_BACKWARD
    .replace("            optimizer.zero_grad()", "            optimizer.zero_grad()\n            n += 1")
    .replace("    net = Net()", "    n = 0\n    net = Net()")
    .replace("loss = F.cross_entropy(model(images), labels)", "loss = F.cross_entropy(net(images), labels)")
    .replace("DistributedDataParallel(net) if ranks > 1 else net", "net")
    + STEP
    + "            if n % 10 == 0 or n % len(train_loader) == 0:\n"
    "                for p in net.parameters():\n                    dist.all_reduce(p.data)\n"
    "                    p.data /= ranks\n"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far apart copies are that differ by more than rounding."""

    apart: float = limit(1e-4, unit="of the weights' norm", why="rounding on other hardware stays below a millionth")
    min_looks: float = limit(4, unit="looks", why="weights averaged now and then are met equal in some of them")


@rule(
    "TL701",
    rung=6,
    severity=Severity.ERROR,
    needs=("rounds",),
    limits=Limits,
    plants=(
        Plant("digits_ddp", WRAP, WRAP + "    torch.manual_seed(rank)\n    net.fc2.reset_parameters()\n", ranks=2),
        Plant("digits_ddp", "F.cross_entropy(model(images), labels)", "F.cross_entropy(net(images), labels)", ranks=2),
        Plant("digits_ddp", TO_BACKWARD, "    torch.manual_seed(rank)\n" + BY_HAND, ranks=2),
        Plant("digits_ddp", WRAP, "    model = net\n", ranks=2),
    ),
    near_misses=(
        Plant("digits_ddp", TO_BACKWARD, BY_HAND, ranks=2),
        Plant("digits_ddp", TO_BACKWARD + STEP, LOCAL_SGD, ranks=2),
        Plant(
            "digits_ddp",
            "sampler=sampler)\n    test_loader = DataLoader(test_set, batch_size=256)\n    net = Net()\n" + WRAP,
            "shuffle=True)\n    test_loader = DataLoader(test_set, batch_size=256)\n    torch.manual_seed(rank)\n"
            "    net = Net()\n    model = net\n",
            ranks=2,
        ),
    ),
)
def rank_desync(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer whose copies differ where they have to agree."""
    for phase in sorted({r.phase for r in facts.rounds or ()}):
        looks = [r for r in facts.rounds or () if r.phase == phase and not r.sharded]
        wrong = next((r for r in looks if _differ(r, limits) and _have_to_agree(r)), None)
        if wrong is not None:
            yield _apart(wrong)
        elif _never_averaged(looks, limits):
            yield _alone(looks)


def _differ(look: RoundFact, limits: Limits) -> bool:
    return look.weights > 1 and look.apart > limits.apart


def _have_to_agree(look: RoundFact) -> bool:
    """Tell whether copies are promised to be equal at this look: by the wrapper, or by gradients that are."""
    if look.wrapper == DDP:
        return look.synced or look.final
    return look.wrapper is None and look.gradients == 1 and not look.gradient_zero


def _never_averaged(looks: Sequence[RoundFact], limits: Limits) -> bool:
    """Tell whether bare copies that started equal and share the data out went apart for good."""
    later = [r for r in looks if r.step > 0]
    if len(later) < limits.min_looks or looks[0].step != 0 or not later[-1].final:
        return False
    together = all(r.wrapper is None and r.ranks == r.world for r in looks)
    trained = all(_differ(r, limits) and r.gradients != 1 for r in later)
    return together and trained and looks[0].weights == 1 and later[-1].sampler


def _apart(look: RoundFact) -> Finding:
    averaged = look.gradients == 1
    cause = "though their gradients are averaged" if averaged else "and their gradients are not averaged"
    names = ", ".join(f"`{name}`" for name in look.differing)
    if averaged and look.wrapper == DDP:
        title = "change weights before wrapping the model, and alike on every process"
    elif averaged:
        title = "send the weights of process 0 to all before training: `dist.broadcast(p.data, 0)` for each parameter"
    else:
        title = "call the DistributedDataParallel model itself in training, not the model inside it"
    return rank_desync.finding(
        f"{look.ranks} processes hold {look.weights} different copies of the weights, {cause}",
        where=(look.place,) if look.place is not None else (),
        seen=(
            Measurement("different copies of the weights", look.weights, expected=1, step=look.step),
            Measurement("difference", float(f"{look.apart:.2g}"), unit="of the weights' norm", expected=0),
            Measurement("differing parameters", names),
        ),
        notes=(f"process {look.odd_rank} is one that differs",) if look.odd_rank is not None else (),
        fixes=(Fix(title, Trust.IDEA),),
        phase=look.phase,
    )


def _alone(looks: Sequence[RoundFact]) -> Finding:
    last = looks[-1]
    return rank_desync.finding(
        f"each of {last.ranks} processes trains a model of its own on its share of the data",
        severity=Severity.WARNING,
        where=(last.place,) if last.place is not None else (),
        seen=(
            Measurement("different copies of the weights at the end", last.weights, expected=1, step=last.step),
            Measurement("looks at which gradients or weights agreed", 0, expected=len(looks) - 1),
            Measurement("difference", float(f"{last.apart:.2g}"), unit="of the weights' norm", expected=0),
        ),
        fixes=(Fix("wrap the model: `DistributedDataParallel(model)`", Trust.IDEA),),
        phase=last.phase,
    )
