"""Every training step sees the same batch although there is more data.

## What is wrong
The loop never moves on: `next(iter(loader))` inside it starts over each time, a slice is always
the first one, or an index is not advanced.

## Why it hurts
The model memorises one batch. The training loss falls to nothing, all other data stays unseen,
and the model answers new inputs no better than by chance.

## How it is found
The data of consecutive training steps are compared. All of the compared batches are identical,
and more rows are at hand: the batch is a part of a larger tensor, or a loader with more samples is
started again at every step.

## What to do
Iterate over the loader (`for batch in loader`), or keep one iterator and advance it.

## When it is a false alarm
Training on all the data at once, a batch fetched once and trained on deliberately to see whether
it can be memorised (by hand or by a library's switch for it), several updates on each batch
(replay, closures, inner loops), fitting a single picture or a set of coordinates.

## Sources
https://pytorch.org/docs/stable/data.html (iterating over a DataLoader starts a new epoch).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LoaderFact, RepeatFact
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity, Trust
from torchladder.rules.registry import Plant, limit, rule

AGAIN = "for _ in range(40):\n        xb, yb = next(iter(loader))"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many repetitions are no accident."""

    min_compared: float = limit(3, unit="pairs of steps", why="two or three updates on one batch are a known technique")
    part: float = limit(0.5, unit="share of the rows", why="a training split trained on whole is most of its tensor")
    min_restarts: float = limit(3, unit="iterators", why="a batch fetched once or twice is a look at the data")


@rule(
    "TL122",
    rung=1,
    severity=Severity.ERROR,
    needs=("repeats", "loaders"),
    limits=Limits,
    plants=(
        Plant(
            "regression",
            "xs[i : i + batch_size], ys[i : i + batch_size]",
            "x_train[:batch_size], y_train[:batch_size]",
        ),
        Plant(
            "tabular",
            "for xb, yb in train_loader:",
            "in_order = DataLoader(train_loader.dataset, batch_size=32)\n"
            "    for _ in range(50):\n"
            "        xb, yb = next(iter(in_order))",
        ),
    ),
    near_misses=(
        Plant("regression", "batch_size = 32", "batch_size = 2048"),
        Plant("digits_cnn", "for xb, yb in loader:", AGAIN),
    ),
)
def repeated_batch(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding per phase whose steps all see one batch of a larger data set."""
    for row in facts.repeats or ():
        if row.compared < limits.min_compared or row.identical < row.compared or not row.batch_rows:
            continue
        if any(x.by_library for x in facts.loaders or () if x.role == "train"):
            continue  # a library that serves one batch was told to
        loader = _restarted(facts, row, limits)
        rows = loader.n_samples if loader else row.available_rows
        if rows is None or row.batch_rows > limits.part * rows:
            continue
        place = row.place or (loader.iter_places[0] if loader and loader.iter_places else None)
        seen = [
            Measurement("consecutive identical batches", row.identical, f"of {row.compared}", expected=0),
            Measurement("samples seen", row.batch_rows, "rows", expected=rows),
        ]
        if loader:
            seen.append(Measurement("iterators left after one batch", loader.single_batch_iters))
        help_ = "iterate over the loader, or keep one iterator and advance it"
        yield repeated_batch.finding(
            f"every step sees the same {row.batch_rows:,} samples of {rows:,}",
            # A slice may have been meant; a loader started again at every step hardly.
            severity=Severity.ERROR if loader else Severity.WARNING,
            where=(place,) if place else (),
            seen=tuple(seen),
            remark="yields the same batch at every step",
            fixes=(
                Fix(help_, Trust.LIKELY, Change("advance_loader"))
                if loader
                else Fix("move on to the next rows at every step", Trust.IDEA),
            ),
            phase=row.phase,
        )


def _restarted(facts: Facts, row: RepeatFact, limits: Limits) -> LoaderFact | None:
    """Return the training loader that is started again at each step and left after one batch."""
    for loader in facts.loaders or ():
        restarts = loader.single_batch_iters
        if loader.role != "train" or restarts < limits.min_restarts or restarts < loader.iters:
            continue
        if loader.n_batches is None or loader.n_batches > 1:
            return loader if (loader.n_samples or 0) > (row.batch_rows or 0) else None
    return None
