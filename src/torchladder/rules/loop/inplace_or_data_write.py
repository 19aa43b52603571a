"""Weights are overwritten between two steps of their optimizer.

## What is wrong
Something else than the optimizer writes to the parameters while they are trained: an initialisation
in the loop, a state given back in every epoch, an assignment to `.data` in the forward pass.

## Why it hurts
What the steps before have learned is lost. The loss falls and jumps back, or never falls.

## How it is found
In-place calls on memory of parameters are noted with their line, and the parameters are compared
before them and at the next step: weights that no longer resemble what they were, or that are again
exactly what they were before the first step, time after time. Where one batch cannot be memorised,
the same run is made without the write.

## What to do
Write to the parameters once, before training.

## When it is a false alarm
Clipping, moving averages, tying, noise and weight decay by hand change the weights little; weights
that are swapped for an evaluation and put back are the same at the next step; single layers may be
made anew on purpose. They are all left alone.

## Sources
In-place operations: https://pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Standing
from torchladder.core.loop_facts import WriteFact
from torchladder.rules.loop.trials import base_failed
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When a write undoes what was learned."""

    times: float = limit(3, unit="gaps between steps", why="weights may be made anew once, for a second stage")
    share: float = limit(0.4, unit="share of the optimizer's values", why="a single layer may be reset on purpose")
    unlike: float = limit(0.5, unit="cosine", why="training and clipping leave weights nearly parallel to themselves")
    undone: float = limit(2, unit="gaps", why="going back to the start once may be a second run")
    suspect: float = limit(0.999, unit="cosine", why="smaller changes are those of decay and averages")


@rule(
    "TL505",
    rung=4,
    severity=Severity.WARNING,
    needs=("writes",),
    limits=Limits,
    plants=(
        Plant(
            "digits_cnn",
            "def train(model, loader, optimizer):\n    model.train()\n",
            "def init_weights(m):\n    if isinstance(m, (nn.Conv2d, nn.Linear)):\n"
            "        nn.init.xavier_uniform_(m.weight)\n\n\n"
            "def train(model, loader, optimizer):\n    model.train()\n    model.apply(init_weights)\n",
        ),
        Plant(
            "autoencoder",
            "    for epoch in range(20):\n        model.train()\n",
            "    start = {k: v.clone() for k, v in model.state_dict().items()}\n    for epoch in range(20):\n"
            "        model.load_state_dict(start)\n        model.train()\n",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn",
            "        optimizer.step()\n",
            "        optimizer.step()\n        with torch.no_grad():\n            for p in model.parameters():\n"
            "                p.clamp_(-2.0, 2.0)\n                p.mul_(0.9999)\n",
        ),
        Plant(
            "digits_mlp",
            "    model.train()\n    total = 0.0\n",
            "    kept = [p.detach().clone() for p in model.parameters()]\n    with torch.no_grad():\n"
            "        for p in model.parameters():\n            p.zero_()\n"
            "        for p, k in zip(model.parameters(), kept):\n"
            "            p.copy_(k)\n    model.train()\n    total = 0.0\n",
        ),
    ),
)
def inplace_or_data_write(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the line that undoes training, or may well do."""
    rows = sorted(facts.writes or (), key=lambda w: (-w.undone, -w.times))
    for w in rows:
        large = w.times >= limits.times and w.share >= limits.share
        if (large and w.likeness < limits.unlike) or (w.share >= limits.share and w.undone >= limits.undone):
            yield _finding(w, Standing.PROVEN)
            return
    for w in rows:
        if w.times >= limits.times and w.likeness < limits.suspect and base_failed(facts, w.phase):
            yield _finding(w, Standing.SUSPECTED)


def _finding(w: WriteFact, standing: Standing) -> Finding:
    """Return the finding."""
    back = w.undone >= w.times > 0
    words = "are set back to what they were before training" if back else "are overwritten between steps"
    fixes: tuple[Fix, ...] = ()
    if w.place is not None:
        change = Change("skip_write", {"path": w.place.path, "line": w.place.line})
        fixes = (Fix("write to the weights before training only, and not between steps", change=change),)
    return inplace_or_data_write.finding(
        f"weights {words}, outside the optimizer",
        where=(w.place,) if w.place else (),
        seen=(
            Measurement("times the weights were overwritten", w.times, f"in {w.steps} steps", expected=0),
            Measurement("likeness (cosine) of the weights before and after", round(w.likeness, 3), expected="near 1"),
            Measurement("share of the trained values written", round(w.share, 3), expected=0),
        ),
        remark=f"`{w.function}` writes to the weights",
        fixes=fixes,
        standing=standing,
        phase=w.phase,
    )
