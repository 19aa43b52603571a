"""repeated-batch on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts, LoaderFact, RepeatFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.data.repeated_batch import repeated_batch as rule

PLACE = Place("train.py", 30)
ROW = RepeatFact(0, compared=5, identical=5, batch_rows=32, available_rows=1400, place=PLACE)
AGAIN = LoaderFact(
    id=1,
    role="train",
    place=Place("train.py", 9),
    dataset="TensorDataset",
    n_samples=1400,
    batch_size=32,
    n_batches=44,
    order="sequential",
    drop_last=False,
    num_workers=0,
    iters=200,
    served=200,
    single_batch_iters=200,
)


@pytest.mark.parametrize(
    ("sick", "severity", "change"),
    [
        (Facts(repeats=(ROW,), loaders=()), Severity.WARNING, None),
        (
            Facts(repeats=(replace(ROW, available_rows=None),), loaders=(AGAIN,)),
            Severity.ERROR,
            "advance_loader",
        ),
    ],
)
def test_one_batch_for_ever_is_found(sick: Facts, severity: Severity, change: str | None) -> None:
    """A loader started again at each step is certain, a slice likely."""
    (found,) = rule.judge(sick) or []
    made = found.fixes[0].change

    assert found.severity is severity
    assert found.where == (PLACE,)
    assert (made.kind if made else None) == change
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        Facts(repeats=(replace(ROW, identical=4),), loaders=()),
        Facts(repeats=(replace(ROW, compared=2, identical=2),), loaders=()),
        Facts(repeats=(replace(ROW, available_rows=32),), loaders=()),
        Facts(repeats=(replace(ROW, batch_rows=1120),), loaders=()),
        Facts(repeats=(replace(ROW, available_rows=None),), loaders=()),
        Facts(
            repeats=(replace(ROW, available_rows=None),),
            loaders=(replace(AGAIN, iters=1, served=1, single_batch_iters=1),),
        ),
        Facts(
            repeats=(replace(ROW, available_rows=None),),
            loaders=(replace(AGAIN, iters=10, served=440, single_batch_iters=3),),
        ),
        Facts(
            repeats=(replace(ROW, available_rows=None, batch_rows=1400),),
            loaders=(replace(AGAIN, n_batches=1, batch_size=1400),),
        ),
        Facts(repeats=(replace(ROW, batch_rows=None),), loaders=(AGAIN,)),
        Facts(repeats=(), loaders=()),
    ],
)
def test_silent(near: Facts) -> None:
    """Full batches, one deliberate batch and a few updates on each are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
