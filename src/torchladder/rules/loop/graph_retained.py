"""Graphs of past steps are kept alive.

## What is wrong
A tensor that still carries its graph is kept from step to step: a loss added up without `.item()`,
outputs collected in a list, a hidden state handed on without `detach()`.

## Why it hurts
Every step leaves its graph behind. Memory grows until the program is killed; where the next
backward pass walks through the old graphs too, every step is slower than the one before, or it
fails with "Trying to backward through the graph a second time".

## How it is found
Each call of the model leaves a mark in its graph that dies with it; the living marks of earlier
steps are counted at growing distances. Inputs of the model that carry the graph of an earlier step
are noted with their line. A watched run counts marks likewise, in the graphs of 80 steps from the first, the 1,000th,
the 10,000th step and so on; and it looks at the memory it holds once a second: growth that goes on evenly for
many passes over the data is told, as a warning where it would fill the machine before long.

## What to do
Add `loss.item()` to the sum, keep `output.detach()`, and detach the state between steps.

## When it is a false alarm
Losses that are collected and differentiated together are needed until then; a window of past steps
(truncated backpropagation) does not grow. Memory that fills during the first passes only is a cache; a replay buffer
grows until it is full, and is meant to: then this is the pace it grows at.

## Sources
Memory of accumulated losses: https://pytorch.org/docs/stable/notes/faq.html#my-model-reports-cuda-runtime-error-2-out-of-memory
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import GraphFact, MemoryFact
from torchladder.rules.registry import Plant, limit, rule

NOTABLE = 1e6  # bytes that a note is made of
PARTS = 4  # of the later half of the looks, each of which must have grown
SECOND_TIME = "backward through the graph a second time"


@dataclass(frozen=True, slots=True)
class Limits:
    """When keeping is growing."""

    alive: float = limit(
        15,
        unit="graphs of earlier steps",
        why="beyond a window of truncated backpropagation, and the eleven steps looked at closely",
    )
    share: float = limit(0.4, unit="share of the steps made", why="a sum that starts anew in each epoch keeps less")
    looks: float = limit(2, unit="looks at which that was so", why="one may fall on a long window")
    age: float = limit(5, unit="steps", why="a backward pass through so many steps is no window that was meant")
    memory_looks: float = limit(24, unit="looks", why="a course of fewer seconds may be a start")
    memory_passes: float = limit(4, unit="passes over the data", why="a cache of the data is full after one or two")
    memory_steps: float = limit(
        2000, unit="steps", why="for runs without passes: a buffer or a pool has filled by then"
    )
    memory_growth: float = limit(64e6, unit="bytes", why="over the later half; allocators keep some tens of megabytes")
    memory_share: float = limit(0.05, unit="share of what is held", why="what is less will not matter before the end")
    memory_even: float = limit(0.6, unit="share of the half's pace", why="growth that fades is a pool that fills")
    memory_soon: float = limit(
        4, unit="times the steps so far", why="a run that would be stopped so soon is worth a warning"
    )


@rule(
    "TL504",
    rung=4,
    severity=Severity.WARNING,
    needs=("graphs",),
    limits=Limits,
    plants=(
        Plant("digits_cnn", "        total += loss.item() * len(xb)", "        total += loss * len(xb)"),
        Plant("autoencoder", "            total += loss.item()", "            total += loss"),
        Plant(
            "tiny_lm",
            "    optimizer.step()\n",
            "    optimizer.step()\n    history = globals().setdefault('history', [])\n    history.append(loss)\n",
        ),
    ),
    near_misses=(
        Plant("digits_cnn", "        total += loss.item() * len(xb)", "        total += loss.detach() * len(xb)"),
        Plant("autoencoder", "            total += loss.item()", "            total = loss"),
    ),
)
def graph_retained(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first phase whose graphs pile up, or that runs through an old one."""
    for seen in facts.graphs or ():
        failed = _crashed(facts) and seen.entry is not None
        deep = max(seen.ages, default=0) >= limits.age and len(set(seen.walked)) > limits.looks
        if failed or (deep and _rising(seen.walked)):
            yield _entered(seen, facts, failed=failed)
            return
        if _piles_up(seen, limits):
            yield _kept(seen)
            return
    if facts.memory is not None and (pace := _pace(facts.memory, limits)):
        yield _swelling(facts.memory, pace, facts, limits)


def _crashed(facts: Facts) -> bool:
    """Return whether the program ended in a backward pass through a graph that was freed."""
    error = facts.program.error if facts.program else None
    return error is not None and SECOND_TIME in error.message


def _rising(counts: tuple[int, ...]) -> bool:
    """Return whether each look walked at least as far as the one before, and the last one farther."""
    return counts[-1] > counts[-2] and all(a <= b for a, b in pairwise(counts))


def _piles_up(seen: GraphFact, limits: Limits) -> bool:
    """Return whether graphs of earlier steps live on at a good part of the looks, in number with the steps."""
    many = [
        (step, n)
        for step, n in zip(seen.steps, seen.alive, strict=True)
        if n >= limits.alive and n >= limits.share * (step - seen.since)
    ]
    return len(many) >= limits.looks and many[-1][1] > many[0][1]


def _entered(seen: GraphFact, facts: Facts, *, failed: bool) -> Finding:
    """Return the finding about a state that is handed on with its graph."""
    figure = Measurement("steps whose input carries the graph of an earlier one", seen.entries, expected=0)
    if not failed:
        figure = Measurement(
            "operations a backward pass walks through", f"{seen.walked[0]:,} to {seen.walked[-1]:,}", expected="as many"
        )
    frames = facts.program.error.frames if failed and facts.program and facts.program.error else ()
    return graph_retained.finding(
        "a step goes on in the graph of the step before: a state is kept without `detach()`",
        severity=Severity.ERROR if failed else Severity.WARNING,
        where=tuple(dict.fromkeys(p for p in (seen.entry, *frames[-1:], seen.place) if p is not None)),
        seen=(figure,),
        notes=_memory(seen),
        remark="is given the graph of an earlier step",
        fixes=(Fix("detach what is handed on to the next step"),),
        phase=seen.phase,
    )


def _kept(seen: GraphFact) -> Finding:
    """Return the finding about graphs that pile up."""
    pairs = list(zip(seen.steps, seen.alive, strict=True))
    step, n = max(pairs, key=lambda p: p[1])
    return graph_retained.finding(
        "graphs of past steps are kept alive, and more with every step",
        where=tuple(dict.fromkeys(p for p in (*seen.kept, seen.place) if p is not None)),
        seen=(Measurement(f"graphs of earlier steps alive at step {step}", n, expected=0, step=step),),
        notes=("alive at step " + ", ".join(f"{s}: {a}" for s, a in pairs[:6]), *_memory(seen)),
        remark="keeps the graph" if seen.kept else None,
        fixes=(Fix("keep a number, not a tensor with its graph: `.item()` or `.detach()`"),),
        phase=seen.phase,
    )


def _pace(memory: MemoryFact, limits: Limits) -> float | None:
    """Return bytes a step by which memory grows, evenly and for long; None where it does not."""
    middle = len(memory.steps) // 2
    passes = memory.passes[-1] - memory.passes[0]
    long = passes >= limits.memory_passes if passes else memory.steps[-1] - memory.steps[0] >= limits.memory_steps
    if len(memory.steps) < limits.memory_looks or not long:
        return None
    steps, held = memory.steps[middle:], memory.held[middle:]
    grown, pace = held[-1] - held[0], (held[-1] - held[0]) / max(steps[-1] - steps[0], 1)
    if grown < limits.memory_growth or grown < limits.memory_share * held[0]:
        return None
    cuts = [i * (len(steps) - 1) // PARTS for i in range(PARTS + 1)]
    parts = [(held[b] - held[a]) / max(steps[b] - steps[a], 1) for a, b in pairwise(cuts)]
    return pace if min(parts) >= limits.memory_even * pace else None


def _swelling(memory: MemoryFact, pace: float, facts: Facts, limits: Limits) -> Finding:
    """Return the finding about memory that grows for reasons that no graph shows."""
    done, left = memory.steps[-1], memory.room / pace if memory.room is not None else None
    soon = left is not None and left <= limits.memory_soon * done
    lines = tuple(dict.fromkeys(p for seen in facts.graphs or () for p in seen.kept))
    until = (Measurement("steps until no memory is left", round(left)),) if left is not None else ()
    held = f"{_mb(memory.held[0])} at step {memory.steps[0]:,}, {_mb(memory.held[-1])} at step {done:,}"
    return graph_retained.finding(
        "the memory of the run grows with every step",
        severity=Severity.WARNING if soon else Severity.NOTE,
        where=lines,
        seen=(Measurement("memory a step", f"{pace / 1e6:.3g} MB", expected="none", step=done), *until),
        notes=(f"memory held: {held}", "no graph of a step is kept: look for tensors or rows that a list collects"),
        fixes=(Fix("empty what collects, or keep numbers on the CPU: `.item()`, `.cpu()`"),),
    )


def _memory(seen: GraphFact) -> tuple[str, ...]:
    """Return how much memory the run held at the first look and at the last, where it grew."""
    if not seen.memory or seen.memory[-1] - seen.memory[0] < NOTABLE:
        return ()
    (first, last), held = (seen.steps[0], seen.steps[-1]), (seen.memory[0], seen.memory[-1])
    each = (held[1] - held[0]) / (last - first)
    return (f"memory held: {_mb(held[0])} at step {first}, {_mb(held[1])} at step {last}: {_mb(each)} a step",)


def _mb(n: float) -> str:
    return f"{n / 1e6:,.3g} MB" if n < 1e9 else f"{n / 1e9:,.3g} GB"  # noqa: PLR2004 - of bytes
