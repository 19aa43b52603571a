"""label-constant-batch on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts, LoaderFact, LossCallFact, TensorFact
from torchladder.core.findings import Place
from torchladder.rules.data.label_constant_batch import label_constant_batch as rule

PLACE = Place("train.py", 10)
IDS = TensorFact((32,), "int64", min=0, max=9, integral=True, n_unique=1)
LOGITS = TensorFact((32, 10), "float32", requires_grad=True)
CALL = LossCallFact("cross_entropy", 0, 0, PLACE, LOGITS, IDS, 2.3)
SORTED = LoaderFact(
    id=3,
    role="train",
    place=PLACE,
    dataset="TensorDataset",
    n_samples=1400,
    batch_size=32,
    n_batches=44,
    order="sequential",
    drop_last=False,
    num_workers=0,
    iters=1,
    served=44,
    label_runs=0.99,
    label_runs_expected=0.1,
    batch_label_counts=(1, 1, 1, 2, 1, 1, 1, 2, 1, 1),
    n_labels=10,
)


def facts(loader: LoaderFact, call: LossCallFact = CALL) -> Facts:
    """Return facts of one loader and one loss call."""
    return Facts(loaders=(loader,), loss_calls=(call,))


@pytest.mark.parametrize(
    "loader",
    [
        SORTED,
        replace(SORTED, order=None, n_samples=None, n_batches=None),
        replace(SORTED, n_labels=2, label_runs_expected=0.5),
    ],
)
def test_sorted_batches_are_found(loader: LoaderFact) -> None:
    """Sorted data gives one class a batch, from a stream too."""
    (found,) = rule.judge(facts(loader)) or []

    assert found.where == (PLACE,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.args == {"loader": 3}
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts(replace(SORTED, label_runs=0.11, batch_label_counts=(9, 10, 10, 10, 9))),
        facts(replace(SORTED, n_labels=1, label_runs=1.0, label_runs_expected=1.0)),
        facts(replace(SORTED, label_runs=0.98, label_runs_expected=0.98, n_labels=2)),
        facts(replace(SORTED, batch_size=2)),
        facts(replace(SORTED, batch_size=1, label_runs=0.1)),
        facts(replace(SORTED, batch_label_counts=(8, 8, 8, 8, 8), label_runs=0.85)),
        facts(replace(SORTED, role="eval")),
        facts(replace(SORTED, batch_label_counts=(1, 1))),
        facts(replace(SORTED, label_runs=None, label_runs_expected=None)),
        facts(SORTED, replace(CALL, function="mse_loss", target=replace(LOGITS, requires_grad=False))),
    ],
)
def test_silent(near: Facts) -> None:
    """Shuffled, imbalanced, tiny and label-free batches are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
