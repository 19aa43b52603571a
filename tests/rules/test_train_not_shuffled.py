"""train-not-shuffled on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts, LoaderFact, LossCallFact, RootFact, TensorFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.data.train_not_shuffled import train_not_shuffled as rule

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
    batch_label_counts=(3, 4, 3, 3, 4),
    n_labels=10,
)


def facts(loader: LoaderFact, call: LossCallFact = CALL) -> Facts:
    """Return facts of one loader and one loss call."""
    return Facts(loaders=(loader,), loss_calls=(call,))


@pytest.mark.parametrize(
    "loader",
    [SORTED, replace(SORTED, label_runs=0.7), replace(SORTED, batch_label_counts=())],
)
def test_sequential_runs_are_a_warning(loader: LoaderFact) -> None:
    """A sequential pass over long runs of labels is named."""
    (found,) = rule.judge(facts(loader)) or []

    assert found.severity is Severity.WARNING
    assert found.where == (PLACE,)
    assert len(found.message) <= 100


RNN = RootFact("model", "Tagger", 0, 10, 10, (), None, first_layer="LSTM")


@pytest.mark.parametrize(
    "near",
    [
        facts(replace(SORTED, label_runs=0.1)),
        facts(replace(SORTED, label_runs=0.4)),
        facts(replace(SORTED, order="random")),
        facts(replace(SORTED, order="other")),
        facts(replace(SORTED, order=None)),
        facts(replace(SORTED, role="eval")),
        facts(replace(SORTED, n_batches=1)),
        facts(replace(SORTED, label_runs=None)),
        facts(replace(SORTED, label_runs=1.0, label_runs_expected=1.0, n_labels=1)),
        facts(replace(SORTED, batch_label_counts=(10, 10, 10, 9))),
        facts(SORTED, replace(CALL, function="mse_loss", target=replace(LOGITS, requires_grad=False))),
        replace(facts(SORTED), roots=(RNN,)),
    ],
)
def test_silent(near: Facts) -> None:
    """Mixed data, other samplers, streams and data without labels are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
