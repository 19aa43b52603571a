"""The seed is set again in every epoch, so that every epoch is the same.

## What is wrong
A call that sets the seed stands inside the training loop: each epoch draws the same random order,
the same masks and the same augmentation as the one before.

## Why it hurts
Shuffling and augmentation lose their effect: the network meets the same batches in the same order
for ever, and learns the order along with the data.

## How it is found
Calls that set a global generator are counted with the steps between them, and the inputs of the
first training steps after each are compared: the very same values although the order is random.

## What to do
Set the seed once, before training; or add the number of the epoch to it.

## When it is a false alarm
Seeds that differ from epoch to epoch, one seed at the start of each of several trainings, fixed
noise for an evaluation whose generator is put back, and full batches, whose order means nothing,
are left alone: their training batches do not repeat.

## Sources
Reproducibility: https://pytorch.org/docs/stable/notes/randomness.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Place, Severity
from torchladder.core.loop_facts import EpochStartFact, SeedFact
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When repetition is no accident."""

    passes: float = limit(2, unit="passes like the one before", why="two random orders never agree by accident")
    share: float = limit(0.6, unit="share of the passes", why="an epoch before the first seed may differ")
    batches: float = limit(4, unit="batches a pass", why="with fewer the order means little")


@rule(
    "TL507",
    rung=4,
    severity=Severity.WARNING,
    needs=("seeds", "epoch_starts"),
    limits=Limits,
    plants=(
        Plant(
            "digits_mlp",
            "    model.train()\n    total = 0.0\n",
            "    torch.manual_seed(0)\n    model.train()\n    total = 0.0\n",
        ),
        Plant(
            "sequence_rnn", "        self.model.train()\n", "        torch.manual_seed(1)\n        self.model.train()\n"
        ),
        Plant(
            "regression",
            "    order = torch.randperm(len(x_train))",
            "    torch.manual_seed(0)\n    order = torch.randperm(len(x_train))",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "    model.train()\n    total = 0.0\n",
            "    torch.manual_seed(epoch)\n    model.train()\n    total = 0.0\n",
        ),
        Plant(
            "tabular",
            "    model.eval()\n    correct = 0\n",
            "    model.eval()\n    state = torch.get_rng_state()\n    torch.manual_seed(0)\n"
            "    torch.set_rng_state(state)\n    correct = 0\n",
        ),
    ),
)
def seed_reset_each_epoch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first training line whose passes repeat."""
    for start in facts.epoch_starts or ():
        known = start.n_batches or limits.batches
        if known >= limits.batches and start.identical >= max(limits.passes, limits.share * start.passes):
            yield _finding(start, _guilty(facts))
            return
    for seed in facts.seeds or ():
        often = seed.renewed and min(seed.same_start, seed.drawn) >= max(limits.passes, limits.share * seed.renewed)
        if often and seed.values == 1 and seed.variety >= limits.batches:
            yield _finding(None, seed)
            return


def _guilty(facts: Facts) -> SeedFact | None:
    """Return the line that sets one and the same seed most often in the midst of training."""
    again = [s for s in facts.seeds or () if s.renewed and s.values == 1]
    return max(again, key=lambda s: (s.renewed, s.generator == "torch"), default=None)


def _finding(start: EpochStartFact | None, seed: SeedFact | None) -> Finding:
    """Return the finding: at the line that sets the seed, else at the loader that is made anew."""
    places: list[Place | None] = [seed.place] if seed else [start.created, start.place] if start else []
    repeats = start.identical if start else seed.same_start if seed else 0
    of = start.passes if start else seed.renewed if seed else 0
    seen = [Measurement("epochs that began with the very batches of the one before", repeats, f"of {of}", expected=0)]
    fix = Fix("shuffle with a generator that goes on from epoch to epoch")
    if seed is not None and seed.place is not None:
        seen.append(Measurement("times the seed was set again during training", seed.renewed, expected=0))
        change = Change("keep_seed", {"path": seed.place.path, "line": seed.place.line})
        fix = Fix("set the seed once, before the loop", change=change)
    return seed_reset_each_epoch.finding(
        "each epoch draws the same random order as the one before",
        where=tuple(dict.fromkeys(p for p in places if p is not None)),
        seen=tuple(seen),
        remark="runs in every epoch",
        fixes=(fix,),
    )
