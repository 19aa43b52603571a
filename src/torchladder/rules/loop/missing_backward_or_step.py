"""The loss is computed but the weights are never updated.

## What is wrong
`backward()` is called without `step()`, or `step()` without `backward()`, or `step()` stands
outside the loop in which gradients are computed and cleared.

## Why it hurts
No update, or one for many batches: the loss stays where it began.

## How it is found
Backward passes and optimizer steps are counted over the run. Many of one and none of the other
prove it. Many backward passes, each cleared again before a rare step, are suspected, and tried with
a step after each.

## What to do
`loss.backward()` and `optimizer.step()`, in this order, once per batch.

## When it is a false alarm
Updates written by hand (the weights do change); gradients set by hand, as in evolution strategies
(the step finds them); programs that only look at gradients and build no optimizer; accumulation
over more batches than were seen; an optimizer that was replaced by another one; adversarial
training, whose inner backward passes are cleared on purpose; a GAN whose other network still waits.

## Sources
Optimization loop: https://pytorch.org/tutorials/beginner/basics/optimization_tutorial.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, OptimizerFact, ProgramFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity, Standing
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of one without the other."""

    min_whole: float = limit(10, unit="calls", why="of a run that ended: no accumulation is pending")
    min_part: float = limit(100, unit="calls", why="accumulation over more batches is rare")
    rare: float = limit(4.0, unit="backward passes a step", why="two or three losses are usual")
    certain: float = limit(16.0, unit="backward passes a step", why="no game of several networks clears that often")
    cleared: float = limit(0.9, unit="zero_grad calls a backward pass", why="one a batch")


@rule(
    "TL405",
    rung=3,
    severity=Severity.ERROR,
    needs=("program", "optimizers"),
    limits=Limits,
    explains=("TL220", "TL221", "TL402"),
    plants=(
        Plant("digits_mlp", "        optimizer.step()\n", ""),
        Plant("digits_mlp", "        loss.backward()\n", ""),
        Plant(
            "sequence_rnn",
            "            self.optimizer.step()\n            total += loss.item()\n",
            "            total += loss.item()\n        self.optimizer.step()\n",
        ),
    ),
    near_misses=(
        Plant(
            "tiny_lm",
            "    optimizer.zero_grad(set_to_none=True)\n"
            "    loss.backward()\n"
            "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
            "    optimizer.step()\n",
            "    loss.backward()\n"
            "    if step % 4 == 3:\n"
            "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
            "        optimizer.step()\n"
            "        optimizer.zero_grad(set_to_none=True)\n",
        ),
        Plant(
            "digits_mlp",
            "        optimizer.step()\n",
            "        with torch.no_grad():\n"
            "            for p in model.parameters():\n"
            "                p -= 0.2 * p.grad\n",
        ),
    ),
)
def missing_backward_or_step(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each optimizer that steps without gradients, or does not step."""
    program = facts.program
    if program is None:
        return
    whole = program.state in {"ended", "exited"}
    enough = limits.min_whole if whole else limits.min_part
    for optimizer in facts.optimizers or ():
        if program.backwards >= enough and _never_steps(facts, program, optimizer, whole=whole):
            yield _no_step(program, optimizer)
            return
        if optimizer.steps >= enough and program.backwards == 0 and _no_gradients(optimizer):
            yield _no_backward(facts, optimizer)
            return
        if _rare_step(facts, optimizer, limits):
            yield _step_outside(optimizer, proven=optimizer.backwards_per_step >= limits.certain)


def _never_steps(facts: Facts, program: ProgramFact, optimizer: OptimizerFact, *, whole: bool) -> bool:
    """Return whether gradients arrive that this optimizer never uses, and nobody else does."""
    if optimizer.steps > 0 or (program.optimizer_steps > 0 and not whole):
        return False
    ours = [p for p in facts.parameters or () if p.phase == optimizer.phase and p.in_optimizer]
    if any(p.changed for p in facts.parameters or () if p.phase == optimizer.phase):
        return False
    if program.optimizer_steps == 0:
        return True
    elsewhere = {p.name for p in facts.parameters or () if p.phase != optimizer.phase and p.changed}
    return bool(ours) and optimizer.n_reached > 0 and not elsewhere & {p.name for p in ours}


def _no_gradients(optimizer: OptimizerFact) -> bool:
    """Return whether every observed step found no gradient at all."""
    return 0 < optimizer.dense_steps == optimizer.gradless_steps


def _rare_step(facts: Facts, optimizer: OptimizerFact, limits: Limits) -> bool:
    """Return whether gradients are cleared after nearly each of many backward passes a step."""
    certain = optimizer.backwards_per_step >= limits.certain
    if optimizer.steps == 0 or optimizer.closure or not (certain or base_failed(facts, optimizer.phase)):
        return False
    n_backwards = optimizer.backwards_per_step * optimizer.steps
    many = optimizer.backwards_per_step >= limits.rare
    return many and optimizer.zero_grads >= limits.cleared * n_backwards


def _loss_places(facts: Facts, phase: int) -> tuple[Place, ...]:
    """Return the lines of the losses of a phase, each once."""
    calls = [c.place for c in facts.loss_calls or () if c.phase == phase and c.place is not None]
    return tuple(dict.fromkeys(calls))[:1]


def _no_step(program: ProgramFact, optimizer: OptimizerFact) -> Finding:
    """Return the finding about backward passes without a step."""
    return missing_backward_or_step.finding(
        f"{program.backwards} backward passes and no step of the optimizer",
        where=(
            *optimizer.backward_places[:1],
            *((optimizer.created,) if optimizer.created else ()),
        ),
        seen=(
            Measurement("backward passes", program.backwards),
            Measurement("steps of this optimizer", 0, expected="one a batch"),
        ),
        remark="no step follows",
        fixes=(
            Fix(
                "call step() after backward()",
                change=Change("step_after_backward", {"phase": optimizer.phase}),
            ),
        ),
        phase=optimizer.phase,
    )


def _no_backward(facts: Facts, optimizer: OptimizerFact) -> Finding:
    """Return the finding about steps without a backward pass."""
    return missing_backward_or_step.finding(
        f"{optimizer.steps} steps of the optimizer and no backward pass",
        where=(*optimizer.step_places[:1], *_loss_places(facts, optimizer.phase)),
        seen=(
            Measurement("steps of the optimizer", optimizer.steps),
            Measurement("backward passes", 0, expected="one a step"),
        ),
        remark="finds no gradient",
        fixes=(
            Fix(
                "call backward() on the loss before step()",
                change=Change("backward_before_step", {"phase": optimizer.phase}),
            ),
        ),
        phase=optimizer.phase,
    )


def _step_outside(optimizer: OptimizerFact, *, proven: bool) -> Finding:
    """Return the suspicion that the step stands outside the loop over batches."""
    return missing_backward_or_step.finding(
        f"one step for {optimizer.backwards_per_step:.0f} backward passes, each cleared before the next",
        where=(*optimizer.step_places[:1], *optimizer.backward_places[:1]),
        seen=(
            Measurement("backward passes a step", optimizer.backwards_per_step, expected=1),
            Measurement("zero_grad calls", optimizer.zero_grads),
        ),
        fixes=(
            Fix(
                "move step() into the loop over batches",
                change=Change("step_after_backward", {"phase": optimizer.phase}),
            ),
        ),
        standing=Standing.PROVEN if proven else Standing.SUSPECTED,
        phase=optimizer.phase,
    )
