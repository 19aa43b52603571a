"""Parameters that are meant to train do not require grad.

## What is wrong
Everything is frozen, so that the loss has no gradient; or a new, untrained output layer is frozen
together with the body it was put on.

## Why it hurts
With everything frozen `backward()` stops with `element 0 of tensors does not require grad`. A
frozen new head keeps its random weights: the rest has to learn to please a random projection.

## How it is found
`requires_grad` of every parameter is read beside whether anything but its initialisation ever wrote
to it. A frozen and fresh output layer on a body that was trained or loaded before is the fault; on
a body that is fresh too, the same batch is fitted again with the layer unfrozen.

## What to do
Freeze first and replace the head after, or freeze the body's parameters by name.

## When it is a false alarm
Transfer learning with a frozen body and a head that trains; adapters (LoRA) on a loaded model whose
head is loaded too; GAN steps that freeze the other network for a moment (it trains in its own
phase); random target networks and fixed classifiers on a fresh body, which fit the batch all the
same; frozen embeddings, normalisation and positional tables inside the model.

## Sources
Excluding subgraphs from backward: https://pytorch.org/docs/stable/notes/autograd.html
A frozen new head in the wild: https://github.com/ihciah/deep-fashion-retrieval/issues/1
"""

import math
from collections.abc import Iterator

from torchladder.core.facts import Facts, ParameterFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.model.tails import lines
from torchladder.rules.registry import NoLimits, Plant, rule

NO_GRAD_ERRORS = ("does not require grad and does not have a grad_fn", "empty parameter list")
MATRIX = 2


@rule(
    "TL208",
    rung=2,
    severity=Severity.ERROR,
    needs=("parameters",),
    explains=("TL213", "TL220", "TL402", "TL405", "TL407", "TL408"),
    plants=(
        Plant(
            "finetune",
            "for p in net.features.parameters():\n    p.requires_grad = False\nnet.head = nn.Linear(32 * 4 * 4, 5)",
            "net.head = nn.Linear(32 * 4 * 4, 5)\nfor p in net.parameters():\n    p.requires_grad = False",
            crashes=True,
        ),
        Plant(
            "finetune",
            "for p in net.features.parameters():\n    p.requires_grad = False\nnet.head = nn.Linear(32 * 4 * 4, 5)",
            "net.head = nn.Linear(32 * 4 * 4, 5)\nfor p in net.parameters():\n    p.requires_grad = p.dim() == 1",
        ),
    ),
    near_misses=(
        Plant(
            "finetune",
            "for p in net.features.parameters():\n    p.requires_grad = False",
            "for p in net.features[:4].parameters():\n    p.requires_grad = False",
        ),
        Plant(
            "tiny_lm",
            "model = CharLM()",
            "model = CharLM()\nmodel.pos.requires_grad = False",
        ),
    ),
)
def frozen_parameters(facts: Facts, limits: NoLimits) -> Iterator[Finding]:  # noqa: ARG001
    """Yield a finding when everything is frozen, or a fresh output layer is."""
    for phase in sorted({p.phase for p in facts.parameters or ()}, reverse=True):
        here = [p for p in facts.parameters or () if p.phase == phase and p.registered]
        if here and not any(p.requires_grad for p in here) and _no_gradient(facts):
            message = f"none of the model's {len(here)} parameters require grad"
            yield _finding(here, message, Standing.PROVEN)
            return
        head = [p for p in here if _frozen_head(p)]
        trains = [p for p in here if p.requires_grad and p.in_optimizer]
        if not head and _only_vectors_train(here) and base_failed(facts, phase):
            fresh = [p for p in here if _frozen_matrix(p)]
            if fresh:
                yield _finding(fresh, "untrained weights are frozen, and no weight matrix trains", Standing.SUSPECTED)
                return
        if head and trains:
            on_old_body = any(p.fresh is False for p in here)
            message = "the output layer is untrained and frozen while others may train"
            standing = Standing.PROVEN if on_old_body else Standing.SUSPECTED
            yield _finding(head, message, standing)
            return


def _no_gradient(facts: Facts) -> bool:
    """Return whether the program ended because nothing requires grad."""
    error = facts.program.error if facts.program is not None else None
    return error is not None and any(text in error.message for text in NO_GRAD_ERRORS)


def _frozen_head(p: ParameterFact) -> bool:
    """Return whether a weight matrix of the output layer is at its random start and stays there."""
    return p.output_layer and _frozen_matrix(p)


def _frozen_matrix(p: ParameterFact) -> bool:
    """Return whether a weight matrix is at its random start and stays there."""
    return not p.requires_grad and p.changed is not True and p.fresh is True and len(p.shape) >= MATRIX


def _only_vectors_train(here: list[ParameterFact]) -> bool:
    """Return whether what trains of a model with weight matrices is scalars and vectors alone."""
    trains = [p for p in here if p.requires_grad and p.reached]
    return bool(trains) and all(len(p.shape) < MATRIX for p in trains)


def _finding(frozen: list[ParameterFact], message: str, standing: Standing) -> Finding:
    """Return the finding about these parameters."""
    n_numbers = sum(math.prod(p.shape) for p in frozen)
    names = [p.name for p in frozen]
    first = frozen[0]
    return frozen_parameters.finding(
        message,
        where=lines(first.frozen_at, first.created),
        module=first.module,
        seen=(Measurement("numbers that are frozen", n_numbers),),
        notes=(f"frozen: {', '.join(names[:3])}",),
        fixes=(
            Fix(
                "let them require grad, and give them to the optimizer",
                change=Change("unfreeze", {"phase": first.phase, "names": names}),
            ),
        ),
        standing=standing,
        phase=first.phase,
    )
