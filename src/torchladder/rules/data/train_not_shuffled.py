"""The training loader reads its samples in order, and their labels run in that order.

## What is wrong
The loader is sequential and the data set is stored class by class, or in long runs of a class.

## Why it hurts
Neighbouring batches resemble each other, so that their gradients agree on what the last runs had
in common and forget the runs before. Training is slower, less stable, and ends biased towards
what came last.

## How it is found
The loader's sampler is sequential, and neighbouring samples share a label far more often than in a
random order of the same labels. The order of the data itself is what counts: a sequential pass
over data that is already mixed is left alone.

## What to do
`DataLoader(..., shuffle=True)` for training; evaluation needs none.

## When it is a false alarm
Data already in random order, regression and other data without labels, text and other streams
read in order by a recurrent model, iterable data sets, custom samplers, a batch that holds the
whole data set, batches that each hold every class, losses that do not use the labels.

## Sources
https://pytorch.org/docs/stable/data.html#data-loading-order-and-sampler
Bengio, Practical recommendations for gradient-based training, 2012, section 3.1.1 (order).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

RECURRENT = ("rnn", "lstm", "gru")  # beginnings of class names, lower case


@dataclass(frozen=True, slots=True)
class Limits:
    """When labels run in order."""

    switches: float = limit(0.5, unit="of a random order's", why="runs of two would already halve the changes of label")
    covered: float = limit(0.9, unit="share of the classes", why="a batch with nearly all classes is mixed enough")


@rule(
    "TL115",
    rung=1,
    severity=Severity.WARNING,
    needs=("loaders", "loss_calls"),
    limits=Limits,
    plants=(
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(sorted(train_set, key=lambda pair: int(pair[1])), batch_size=320)",
        ),
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(torch.utils.data.Subset(train_set, labels[:1400].argsort()), 200)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(train_set, batch_size=32)",
        ),
        Plant(
            "digits_cnn",
            "DataLoader(train_set, batch_size=32, shuffle=True)",
            "DataLoader(sorted(train_set, key=lambda pair: int(pair[1])), batch_size=1400)",
        ),
    ),
)
def train_not_shuffled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding per sequential training loader whose labels run in order."""
    if not _labels_matter(facts):
        return
    for loader in facts.loaders or ():
        if loader.role != "train" or loader.order != "sequential" or not _runs(loader, limits):
            continue
        yield train_not_shuffled.finding(
            "the training loader is sequential over samples whose labels run in order",
            where=(loader.place,) if loader.place else loader.iter_places[:1],
            seen=(
                Measurement(
                    "neighbouring samples of equal label",
                    loader.label_runs,
                    "share",
                    expected=loader.label_runs_expected,
                ),
                Measurement("classes", loader.n_labels),
            ),
            remark="serves the samples in stored order",
            fixes=(Fix("shuffle the training samples", Trust.LIKELY, Change("shuffle", {"loader": loader.id})),),
        )


def _labels_matter(facts: Facts) -> bool:
    """Tell whether a loss uses whole-numbered labels and no model begins with a recurrent layer."""
    roots = [(r.first_layer or "").lower() for r in facts.roots or ()]
    if any(first.startswith(RECURRENT) for first in roots):
        return False
    calls = facts.loss_calls or ()
    return any(c.differentiated and c.target and c.target.integral for c in calls)


def _runs(loader: LoaderFact, limits: Limits) -> bool:
    """Tell whether labels change far more rarely than in a random order, across several batches."""
    runs, expected, labels = loader.label_runs, loader.label_runs_expected, loader.n_labels or 0
    if runs is None or expected is None or expected >= 1 or labels <= 1:
        return False
    if loader.n_batches is None or loader.n_batches <= 1:
        return False
    counts = loader.batch_label_counts
    if counts and sum(counts) / len(counts) >= limits.covered * labels:
        return False
    return (1 - runs) / (1 - expected) <= limits.switches
