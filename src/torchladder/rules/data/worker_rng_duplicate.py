"""Workers of the training loader draw the same random numbers.

## What is wrong
The data set keeps a random generator of its own, or a `worker_init_fn` sets the same seed everywhere.
Each worker is a copy of the program with a copy of that generator, and each epoch starts new copies.

## Why it hurts
Augmentations repeat from worker to worker and from epoch to epoch: there is far less variety than the
code suggests, and the model overfits sooner.

## How it is found
Two workers read the same sample with the program's own settings, twice each, and again in a second
epoch. A worker's own readings differ, so the sample is random; the workers' first readings are equal.

## What to do
Draw from `torch` (seeded for each worker), or seed the generator from `torch.initial_seed()` or
`get_worker_info().seed` in `worker_init_fn`.

## When it is a false alarm
Deterministic samples, generators seeded by the index (each reading is then equal), randomness drawn
from torch's, Python's or NumPy's global state, which DataLoader seeds for each worker.

## Sources
https://pytorch.org/docs/stable/notes/faq.html#my-data-loader-workers-return-identical-random-numbers
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When there are workers to disagree."""

    workers: float = limit(2, unit="workers", why="one worker has nobody to repeat")


@rule(
    "TL119",
    rung=1,
    severity=Severity.WARNING,
    needs=("surveys",),
    limits=Limits,
    plants=(
        Plant("augmented", "np.random.seed(torch.initial_seed() % 2**32)", "np.random.seed(0)"),
        Plant(
            "augmented",
            "def jitter(image):\n    noise = np.random.standard_normal(image.shape)",
            "draw = np.random.default_rng(7)\n\n\ndef jitter(image):\n    noise = draw.standard_normal(image.shape)",
        ),
    ),
    near_misses=(
        Plant("augmented", ", worker_init_fn=seed_worker", ""),
        Plant("augmented", "np.random.standard_normal(image.shape)", "torch.randn(image.shape).numpy()"),
    ),
)
def worker_rng_duplicate(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for each training loader whose workers repeat each other."""
    for survey in facts.surveys or ():
        w = survey.workers
        if w is None or not w.random or not w.same_in_workers or w.workers < limits.workers:
            continue
        yield worker_rng_duplicate.finding(
            f"the {w.workers} workers of the training loader draw the same random numbers",
            where=(w.place,) if w.place is not None else (),
            seen=(
                Measurement("readings of one sample by two workers", "equal", expected="different"),
                Measurement("a second reading by the same worker", "different"),
                Measurement("first readings of two epochs", "equal" if w.same_in_epochs else "different"),
            ),
            fixes=(
                Fix("draw from torch, or seed the generator from `torch.initial_seed()` in each worker", Trust.IDEA),
            ),
            phase=survey.phase,
        )
