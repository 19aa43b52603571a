"""Adapters (LoRA and the like) that do not train, take no part, or train together with what they adapt.

## What is wrong
The adapter's weights are in no optimizer, because it was built before they were injected; or they
were frozen together with the model; or the forward pass does not go through them (they are merged,
disabled, or were put on a copy); or both factors of a pair start at zero, so that neither ever gets a
gradient; or the pretrained weights that are adapted train as well.

## Why it hurts
The run looks as usual and the adapter stays at its start: what is saved at the end is the pretrained
model. Or all of the model trains, and the adapter is no longer what was learned.

## How it is found
Weights with `lora` or `adapter` in their name, and pairs of thin matrices beside a weight whose
change they factor, are looked up among the parameters: whether they require grad, are in an
optimizer, are reached by the loss, and move.

## What to do
Inject first, then freeze everything but the adapters, then build the optimizer from what requires grad.

## When it is a false alarm
B at zero with A at random is how LoRA starts; then A has no gradient in the first step. Adapters of
which another one is active, or that were trained before and are now kept, and layers that train in
full beside the adapters (a new head, norms) are passed over.

## Sources
Hu et al., LoRA: https://arxiv.org/abs/2106.09685
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.facts import Facts, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import Plant, limit, rule

NAMED = re.compile(r"(^|[._:])(lora|adapter)s?([._]|$)|lora_?(a|b|down|up)([._]|$)", re.IGNORECASE)
WRAPPER = re.compile(r"^(.*?)[.]?(lora|adapter)[^.]*(\..*)?$", re.IGNORECASE)
MATRIX = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes two matrices a factored change of a third."""

    thin: float = limit(0.5, unit="of the smaller side", why="a rank beyond it saves nothing")


@rule(
    "TL224",
    rung=2,
    severity=Severity.ERROR,
    needs=("parameters",),
    limits=Limits,
    explains=("TL207", "TL208", "TL213", "TL214", "TL220", "TL402", "TL405", "TL407", "TL408"),
    plants=(
        Plant(
            "lora",
            "trainable = [p for p in net.parameters() if p.requires_grad]",
            "trainable = list(net.head.parameters())",
        ),
        Plant(
            "lora",
            '    p.requires_grad = "lora" in name or "head" in name',
            '    p.requires_grad = "head" in name',
        ),
        Plant(
            "lora",
            "return self.base(x) + (x @ self.lora_a.T) @ self.lora_b.T * self.scale",
            "return self.base(x)",
        ),
        Plant(
            "lora",
            '    p.requires_grad = "lora" in name or "head" in name',
            "    p.requires_grad = True",
        ),
    ),
    near_misses=(
        Plant(
            "lora",
            '    p.requires_grad = "lora" in name or "head" in name',
            '    p.requires_grad = "lora" in name or "head" in name or "bias" in name',
        ),
        Plant("lora", "self.scale = 2.0", "self.scale = 1.0"),
    ),
)
def adapter_misuse(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each phase whose adapters do not do their work."""
    trained = {p.name for p in facts.parameters or () if p.reached and p.changed}
    for phase in sorted({p.phase for p in facts.parameters or ()}):
        here = [p for p in facts.parameters or () if p.phase == phase]
        adapters = find_adapters(here, limits.thin)
        if not adapters or not any(p.requires_grad and p.reached for p in here):
            continue
        idle = None if any(p.name in trained for p in adapters) else _idle(adapters)
        found = idle or _both_zero(adapters) or _base(here, adapters)
        if found is not None:
            yield found


def find_adapters(here: Sequence[ParameterFact], thin: float) -> list[ParameterFact]:
    """Return the weights of adapters: by name, else thin pairs beside the weight they change."""
    named = [p for p in here if NAMED.search(p.name) and len(p.shape) >= MATRIX]
    if named:
        return named
    found = []
    matrices = [p for p in here if p.registered and len(p.shape) == MATRIX]
    for prefix in dict.fromkeys(p.name.rpartition(".")[0] for p in matrices):
        own = [p for p in matrices if p.name.rpartition(".")[0] == prefix]
        bases = [p for p in matrices if p.name.startswith(f"{prefix}.") if prefix]
        for base in bases:
            small = min(base.shape)
            pair = [p for p in own if p is not base and min(p.shape) <= thin * small]
            if len(pair) == MATRIX and _factors(pair, base):
                found += pair
    return found


def _factors(pair: Sequence[ParameterFact], base: ParameterFact) -> bool:
    """Return whether two matrices share a rank, and their other sides are those of a third."""
    a, b = pair
    rank = {min(a.shape), min(b.shape)}
    return len(rank) == 1 and sorted((max(a.shape), max(b.shape))) == sorted(base.shape)


def _idle(adapters: list[ParameterFact]) -> Finding | None:
    """Return the finding about adapters none of which trains."""
    first, names = adapters[0], [p.name for p in adapters]
    if not all(p.fresh for p in adapters) or any(p.changed for p in adapters):
        return None
    if not any(p.requires_grad for p in adapters):
        fix = Fix("let them require grad", change=Change("unfreeze", {"phase": first.phase, "names": names}))
        return _finding(adapters, "the adapters are frozen: they stay at their random start", fix)
    if not any(p.reached for p in adapters):
        fix = Fix("send the forward pass through the adapters: inject them into the model that is trained", Trust.IDEA)
        return _finding(adapters, "the loss does not reach the adapters: the forward pass goes around them", fix)
    held = any(p.in_optimizer or p.in_any_optimizer for p in adapters)
    if not held and any(p.reached and p.requires_grad for p in adapters):
        change = Change("add_to_optimizer", {"phase": first.phase, "names": names})
        return _finding(adapters, "the adapters are in no optimizer", Fix("hand them to the optimizer", change=change))
    return None


def _both_zero(adapters: list[ParameterFact]) -> Finding | None:
    """Return the finding about pairs of which both factors are zero."""
    training = [p for p in adapters if p.requires_grad]
    if not training or not all(p.weight_norm == 0 and p.grad_zero for p in training):
        return None
    fix = Fix("draw A at random, and leave B at zero", Trust.IDEA)
    return _finding(adapters, "both factors of the adapters are zero: neither gets a gradient", fix)


def _base(here: list[ParameterFact], adapters: list[ParameterFact]) -> Finding | None:
    """Return the finding about pretrained weights that train together with what adapts them."""
    if not any(p.changed and p.in_optimizer for p in adapters):
        return None
    known = {id(p) for p in adapters}
    prefixes = {_wrapper(p.name) for p in adapters} - {""}
    bases = [
        p
        for p in here
        if id(p) not in known
        and len(p.shape) >= MATRIX
        and any(p.name.startswith(f"{prefix}.") for prefix in prefixes)
        and p.requires_grad
        and p.changed
        and p.in_optimizer
        and p.fresh is False
    ]
    if not bases:
        return None
    names = [p.name for p in bases]
    fix = Fix("freeze what is adapted", change=Change("freeze", {"phase": bases[0].phase, "names": names}))
    message = "the pretrained weights train together with the adapters that are to change them"
    return _finding(bases, message, fix, Severity.WARNING, "pretrained weights that train")


def _wrapper(name: str) -> str:
    """Return the path of the module that holds an adapter and what it adapts."""
    found = WRAPPER.match(name)
    return found.group(1) if found else name.rpartition(".")[0]


def _finding(
    rows: list[ParameterFact],
    message: str,
    fix: Fix,
    severity: Severity = Severity.ERROR,
    what: str = "adapter weights that do not train",
) -> Finding:
    first = rows[0]
    return adapter_misuse.finding(
        message,
        severity=severity,
        where=lines(first.frozen_at, first.created),
        module=first.module,
        seen=(Measurement(what, len(rows), expected=0),),
        notes=(f"among them: {', '.join(p.name for p in rows[:3])}",),
        fixes=(fix,),
        phase=first.phase,
    )
