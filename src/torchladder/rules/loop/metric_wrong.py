"""A printed accuracy is not the accuracy of the predictions.

## What is wrong
The figure that the program prints follows another formula: the last batch alone, the plain mean of
batches of unequal size, a count divided by the wrong number.

## Why it hurts
Decisions are taken by that figure: the best epoch, the better model, the day to stop.

## How it is found
Predictions and targets of each evaluation pass are counted anew, and every number that is printed
after the passes is compared with the right accuracy and with the results of the usual mistakes. Only
a number that follows one mistake to the last printed digit, pass after pass, and never the right
formula, is reported.

## What to do
Add up the right answers and the samples over the whole pass, and divide once at its end.

## When it is a false alarm
Other metrics (balanced accuracy, F1, top-5) follow none of these formulas and are left alone, as is
whatever agrees with the right accuracy at the precision at which it is printed.

## Sources
Averaging over unequal batches: https://lightning.ai/docs/torchmetrics/stable/pages/overview.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.rules.loop.printed import Series, printed_series
from torchladder.rules.registry import Plant, limit, rule

LAST, MEAN = "the accuracy of the last batch alone", "the plain mean over batches of unequal size"


@dataclass(frozen=True, slots=True)
class Limits:
    """When agreement with a wrong formula is no accident."""

    passes: float = limit(3, unit="printed figures", why="shares of a small last batch agree by accident once or twice")
    distinct: float = limit(2, unit="different figures", why="a figure that never moves proves nothing")
    gap: float = limit(0.005, unit="accuracy", why="smaller differences change no decision")
    large: float = limit(1.005, unit="share", why="no share is above 1 but for rounding")


@rule(
    "TL509",
    rung=4,
    severity=Severity.WARNING,
    needs=("printed", "evaluations"),
    limits=Limits,
    plants=(
        Plant(
            "digits_cnn",
            "            correct += (model(images).argmax(dim=1) == labels).sum().item()\n"
            "            count += len(labels)",
            "            correct = (model(images).argmax(dim=1) == labels).sum().item()\n"
            "            count = len(labels)",
        ),
        Plant(
            "digits_mlp",
            "    return n_right / len(loader.dataset)",
            "    return n_right / len(loader)",
        ),
    ),
    near_misses=(
        Plant(
            "digits_mlp",
            "    return n_right / len(loader.dataset)",
            "    return 100.0 * n_right / len(loader.dataset)",
        ),
        Plant("digits_cnn", "    return correct / count", "    return (correct + 1) / (count + 10)"),
    ),
)
def metric_wrong(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first printed number that follows a wrong formula."""
    for series in printed_series(facts):
        enough = len(series.values) >= limits.passes and len(set(series.values)) >= limits.distinct
        if not enough or series.follows("accuracy"):
            continue
        words = _formula(series, limits) or _divided(series, facts)
        if words is not None:
            yield _finding(series, words)
            return


def _formula(series: Series, limits: Limits) -> str | None:
    """Return what a series is, in words, when it clearly is not the accuracy."""
    passes = series.passes
    if all(e.calls > 1 for e in passes):
        if series.follows("last_accuracy") and _apart(series, "last_accuracy", limits):
            return LAST
        if series.follows("batch_accuracy") and _apart(series, "batch_accuracy", limits):
            return MEAN
        per_batch = [e.rows / e.calls * (e.accuracy or 0.0) for e in passes]
        if series.matches(per_batch) and min(series.values) > 0:
            return "the number of right answers divided by the number of batches"
        sums = [e.calls * (e.batch_accuracy or 0.0) for e in passes]
        if series.matches(sums) and max(series.values) > limits.large:
            return "the sum of the batches' accuracies, never divided by their number"
    counts = [e.rows * (e.accuracy or 0.0) for e in passes]
    named = "acc" in series.fact.word.lower()
    if named and series.matches(counts):
        return "the number of right answers, never divided by the samples"
    return None


def _divided(series: Series, facts: Facts) -> str | None:
    """Return by what the right answers were divided, when that is the size of something else."""
    loaders = {x.id: x for x in facts.loaders or ()}
    right = [e.rows * (e.accuracy or 0.0) for e in series.passes]
    for other in loaders.values():
        for n, words in _sizes(series, other):
            if n and all(n != e.rows for e in series.passes) and series.matches([r / n for r in right]):
                return f"the number of right answers divided by {words}"
    return None


def _sizes(series: Series, loader: LoaderFact) -> Iterator[tuple[int, str]]:
    """Yield sizes that are taken for the number of samples."""
    if loader.batch_size and any(e.loader == loader.id for e in series.passes):
        yield series.passes[0].calls * loader.batch_size, "batches times batch size, though the last batch is not full"
    if loader.n_samples and all(e.loader != loader.id for e in series.passes):
        yield loader.n_samples, "the number of samples of another data set"


def _apart(series: Series, name: str, limits: Limits) -> bool:
    """Return whether a wrong figure differs clearly from the right one in most passes."""
    gaps = [abs(a - b) for a, b in zip(series.figure(name), series.figure("accuracy"), strict=True)]
    return 2 * sum(g > limits.gap for g in gaps) > len(gaps)


def _finding(series: Series, words: str) -> Finding:
    """Return the finding, with the pass at which the figures differ most."""
    right = series.figure("accuracy")
    places = (series.fact.compared, series.passes[-1].place, series.fact.place)
    at = max(range(len(right)), key=lambda i: abs(series.values[i] - right[i]))
    return metric_wrong.finding(
        "a printed accuracy is not that of the predictions",
        where=tuple(dict.fromkeys(p for p in places if p is not None)),
        seen=(
            Measurement("printed", series.values[at], expected=round(right[at], 4)),
            Measurement("passes in which the printed figure follows this formula", len(right), unit=f"of {len(right)}"),
        ),
        notes=(f"what is printed is {words}",),
        fixes=(Fix("count right answers and samples over the whole pass, and divide once"),),
    )
