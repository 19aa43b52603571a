"""The evaluation reads the data that the model is trained on.

## What is wrong
Every evaluation goes over training samples, although other data was set apart: the wrong loader, or
the wrong variable, is given to the evaluating function.

## Why it hurts
The figure says how well the data is remembered. It rises as the model overfits, and nothing is known
of new data.

## How it is found
Samples that the model is evaluated on are compared, by value, with those of its training steps, and
data sets by identity. Loaders that nobody iterated and held-out variables that nobody read are named.

## What to do
Evaluate on the held-out data; report the training figure beside it where it is of use.

## When it is a false alarm
Where training and held-out figures are both computed, nothing is said. Programs without any held-out
data (a demonstration, a fit of one image) get a note.

## Sources
Train, validation and test sets: https://developers.google.com/machine-learning/crash-course/overfitting/dividing-datasets
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Severity
from torchladder.core.loop_facts import SpareFact
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When samples count as trained on."""

    trained: float = limit(0.9, unit="share of the samples", why="a few duplicates between sets are another matter")
    fresh: float = limit(0.5, unit="share of the samples", why="below it the pass is about other data")


@rule(
    "TL510",
    rung=4,
    severity=Severity.WARNING,
    needs=("evaluations", "sources", "spares", "program"),
    limits=Limits,
    explains=("TL601",),
    plants=(
        Plant("digits_mlp", "{evaluate(test_loader):.3f}", "{evaluate(train_loader):.3f}"),
        Plant(
            "digits_cnn",
            "        accuracy = evaluate(model, test_loader)\n",
            "        accuracy = evaluate(model, train_loader)\n",
        ),
        Plant(
            "regression",
            "        test_loss = mse(model(x_test).squeeze(-1), y_test).item()\n",
            "        test_loss = mse(model(x_train).squeeze(-1), y_train).item()\n",
        ),
    ),
    near_misses=(
        Plant("digits_mlp", "{evaluate(test_loader):.3f}", "{evaluate(train_loader):.3f} {evaluate(test_loader):.3f}"),
        Plant(
            "tabular",
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)",
            "test_loader = DataLoader(Customers(test_rows, test_left, mean, std), batch_size=256)\n"
            "spare_loader = DataLoader(Customers(test_rows[:10], test_left[:10], mean, std), batch_size=256)",
        ),
    ),
)
def evaluated_on_train(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding when every evaluation is about training samples."""
    shares = {s.index: s.trained_share for s in facts.sources or ()}
    scored = [e for e in facts.evaluations or () if (e.kind or e.loss is not None) and e.step and not e.feeds_training]
    on_train = [e for e in scored if _trained(e, shares.get(e.index), limits)]
    if not on_train or any(_fresh(e, shares.get(e.index), limits) for e in facts.evaluations or ()):
        return
    ended = facts.program is not None and facts.program.state == "ended"
    spares = [s for s in facts.spares or () if ended or s.kind == "name"]
    last = on_train[-1]
    if not spares and not ended:
        return
    share = shares.get(last.index)
    seen = [Measurement("evaluation passes over training samples", len(on_train), f"of {len(scored)}", expected=0)]
    if share is not None:
        seen.append(Measurement("share of the evaluated samples that were trained on", round(share, 3), expected=0))
    caller = next((s.caller for s in facts.sources or () if s.index == last.index), None)
    places = [caller, last.place, *(s.place for s in spares[:1])]
    yield evaluated_on_train.finding(
        "the model is evaluated on the data it is trained on" + (", not on what was set apart" if spares else ""),
        severity=Severity.WARNING if spares else Severity.NOTE,
        where=tuple(dict.fromkeys(p for p in places if p is not None)),
        seen=tuple(seen),
        notes=(_words(spares[0]),) if spares else ("the program has no held-out data",),
        remark="reads the training data",
        fixes=(Fix("evaluate on the held-out data"),),
    )


def _trained(e: EvaluationFact, share: float | None, limits: Limits) -> bool:
    """Return whether a pass is over training samples."""
    return e.loader_trained or e.data_trained or (share is not None and share >= limits.trained)


def _fresh(e: EvaluationFact, share: float | None, limits: Limits) -> bool:
    """Return whether a pass after training began may be over other samples."""
    if not e.step or e.loader_trained or e.data_trained or e.feeds_training:
        return False
    return share is None or share < limits.fresh


def _words(spare: SpareFact) -> str:
    """Return what was set apart, in words."""
    if spare.kind == "name":
        return f"`{spare.name}` is never used"
    size = f" of {spare.n_samples:,} samples" if spare.n_samples else ""
    return f"a loader{size} is made and never iterated"
