"""Tensors that take part in the forward pass are no parameters of the model.

## What is wrong
Layers kept in a plain list or dict, or a bare tensor with `requires_grad=True`, are used by the
forward pass but unknown to `model.parameters()`.

## Why it hurts
The optimizer never gets them, so they keep their random start; `.to(device)`, `state_dict()` and
`train()` pass them by. The rest of the model learns around them, worse than it could.

## How it is found
The leaves of the autograd graph are compared with the model's parameters and with every optimizer's
tensors. One that gets a gradient, hangs on a module and stands in neither list is the fault.

## What to do
`nn.ModuleList`, `nn.ModuleDict`, `nn.Parameter`.

## When it is a false alarm
Inputs that require grad (adversarial examples, gradient penalties, physics-informed collocation
points, saliency) hang on no module. Tensors that an optimizer holds, or that the program updates by
hand, do train. A pretrained network hidden in a list so as not to be trained or saved (perceptual
losses, guidance, teachers) was loaded, not initialised. Buffers and constants require no grad.

## Sources
ModuleList: https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import NoLimits, Plant, rule

OWNER_SHOWN = 40


@rule(
    "TL207",
    rung=2,
    severity=Severity.ERROR,
    needs=("parameters",),
    explains=("TL220", "TL402", "TL408"),
    plants=(
        Plant(
            "tiny_lm",
            "self.blocks = nn.ModuleList([Block() for _ in range(n_blocks)])",
            "self.blocks = [Block() for _ in range(n_blocks)]",
        ),
        Plant(
            "tiny_lm",
            "self.pos = nn.Parameter(0.1 * torch.randn(block_size, dim))",
            "self.pos = torch.zeros(block_size, dim, requires_grad=True)",
        ),
    ),
    near_misses=(
        Plant(
            "tiny_lm",
            "self.pos = nn.Parameter(0.1 * torch.randn(block_size, dim))",
            'self.register_buffer("pos", 0.1 * torch.randn(block_size, dim))',
        ),
        Plant(
            "tiny_lm",
            "self.blocks = nn.ModuleList([Block() for _ in range(n_blocks)])",
            "self.blocks = nn.Sequential(*[Block() for _ in range(n_blocks)])",
        ),
        Plant(
            "digits_mlp",
            "loss = criterion(model(xb), yb)",
            "loss = criterion(model(xb.requires_grad_(True)), yb)",
        ),
    ),
)
def unregistered_parameters(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield one finding for each phase in which hidden leaves get gradients and never train."""
    lost = [p for p in facts.parameters or () if _lost(p)]
    for phase in sorted({p.phase for p in lost}):
        here = [p for p in lost if p.phase == phase]
        owner = here[0].owner or ""
        owner = owner if len(owner) <= OWNER_SHOWN else f"{owner[:OWNER_SHOWN]}…"
        n_numbers = sum(math.prod(p.shape) for p in here)
        names = [p.name for p in here]
        yield unregistered_parameters.finding(
            f"{len(here)} tensors that get gradients are no parameters of the model",
            where=lines(*(p.created for p in here))[:3],
            module=here[0].module,
            seen=(
                Measurement("numbers that no optimizer holds", n_numbers, expected=0),
                Measurement("where the first one hangs", owner),
            ),
            notes=(f"unknown to parameters(): {', '.join(names[:3])}",),
            fixes=(
                Fix(
                    "register them: nn.ModuleList, nn.ModuleDict or nn.Parameter",
                    change=Change("add_to_optimizer", {"phase": phase, "names": names}),
                ),
            ),
            phase=phase,
        )


def _lost(p: ParameterFact) -> bool:
    """Return whether a leaf on a module gets gradients that nothing uses."""
    held = p.registered or p.in_optimizer or p.in_any_optimizer or p.changed is True
    return p.requires_grad and p.reached and not held and bool(p.owner) and p.fresh is not False
