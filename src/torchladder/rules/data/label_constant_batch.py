"""Batches hold one class each although the data set holds many.

## What is wrong
The samples arrive sorted by class and are not shuffled, so that a batch shows one class only.

## Why it hurts
Each batch teaches the model to answer its one class, whatever the input; the next class undoes it.
The loss looks small within a class and jumps at each change, and batch statistics describe one
class at a time.

## How it is found
The distinct labels of each batch, and how often neighbouring samples share a label against the
share that a random order would give.

## What to do
Shuffle: `DataLoader(..., shuffle=True)`, or a shuffled index or buffer for a stream.

## When it is a false alarm
Data with one class in all; one class that is so frequent that random batches hold it alone;
batches of a few samples; samplers that draw several classes per batch; losses that do not use the
labels (autoencoders); continual learning with a loader per task.

## Sources
Bengio, Practical recommendations for gradient-based training, 2012, section 3.1.1 (order).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

SORTED = "DataLoader(sorted(train_set, key=lambda pair: int(pair[1])), batch_size=32)"


@dataclass(frozen=True, slots=True)
class Limits:
    """When batches are as good as one class each."""

    single: float = limit(0.6, unit="share of batches", why="sorted classes of a few batches each meet at their ends")
    switches: float = limit(0.25, unit="of a random order's", why="imbalance alone leaves as many changes as expected")
    min_rows: float = limit(4, unit="samples", why="random batches of two or three often hold one class")
    min_batches: float = limit(4, unit="batches", why="fewer batches may be alike by chance")


@rule(
    "TL107",
    rung=1,
    severity=Severity.ERROR,
    needs=("loaders", "loss_calls"),
    limits=Limits,
    explains=("TL115",),
    plants=(
        Plant("digits_cnn", "DataLoader(train_set, batch_size=32, shuffle=True)", SORTED),
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(torch.utils.data.Subset(train_set, labels[:1400].argsort()), batch_size=16)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(sorted(train_set, key=lambda pair: int(pair[1])), batch_size=32, shuffle=True)",
        ),
        Plant("tabular", "batch_size=32, shuffle=True", "batch_size=32"),
    ),
)
def label_constant_batch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding per training loader whose batches hold one class each."""
    if not _uses_class_ids(facts):
        return
    for loader in facts.loaders or ():
        counts = loader.batch_label_counts
        if loader.role != "train" or len(counts) < limits.min_batches or not _sorted(loader, limits):
            continue
        share = sum(n == 1 for n in counts) / len(counts)
        if share < limits.single:
            continue
        single = sum(n == 1 for n in counts)
        yield label_constant_batch.finding(
            f"{single} of {len(counts)} batches hold one class each; the data holds {loader.n_labels}",
            where=(loader.place,) if loader.place else loader.iter_places[:1],
            seen=(
                Measurement("batches with a single class", share, "share", expected=0),
                Measurement(
                    "neighbouring samples of equal label",
                    loader.label_runs,
                    "share",
                    expected=loader.label_runs_expected,
                ),
            ),
            remark="serves the samples class by class",
            fixes=(Fix("shuffle the training samples", Trust.LIKELY, Change("shuffle", {"loader": loader.id})),),
        )


def _uses_class_ids(facts: Facts) -> bool:
    """Tell whether a differentiated loss compares with whole-numbered labels."""
    calls = facts.loss_calls or ()
    return any(c.differentiated and c.target and c.target.integral for c in calls)


def _sorted(loader: LoaderFact, limits: Limits) -> bool:
    """Tell whether labels change far more rarely than in a random order of this data."""
    runs, expected = loader.label_runs, loader.label_runs_expected
    if runs is None or expected is None or expected >= 1 or (loader.n_labels or 0) <= 1:
        return False
    # A batch sampler leaves batch_size empty; its batches are then judged by their labels alone.
    if loader.batch_size is not None and loader.batch_size < limits.min_rows:
        return False
    return (1 - runs) / (1 - expected) <= limits.switches
