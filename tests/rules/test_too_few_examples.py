"""too-few-examples on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import CALL, HELD, TRAIN, facts, survey
from torchladder.core.facts import Facts, LoaderFact
from torchladder.core.findings import Severity
from torchladder.rules.data.too_few_examples import too_few_examples as rule

LOADER = LoaderFact(0, "train", CALL, "TensorDataset", 980, 32, 30, "random", True, 0, 1, 30)
EMPTY = replace(LOADER, role="unused", batch_size=2048, n_batches=0, served=0)
THREE = replace(HELD, label_counts={"0": 100, "1": 100, "2": 50})


def test_an_empty_training_loader_is_an_error() -> None:
    """Nothing is trained; beside another training loader it is a warning."""
    (found,) = rule.judge(Facts(loaders=(EMPTY,))) or []
    (beside,) = rule.judge(Facts(loaders=(LOADER, replace(EMPTY, id=1)))) or []

    assert found.severity is Severity.ERROR
    assert found.where == (CALL,)
    assert beside.severity is Severity.WARNING


def test_a_class_that_only_the_held_out_side_has_is_a_warning() -> None:
    """It is named."""
    (found,) = rule.judge(facts(survey(held=(THREE,)), loaders=(LOADER,))) or []

    assert found.severity is Severity.WARNING
    assert found.message.startswith("class 2 ")


def test_a_tiny_held_out_side_is_a_remark() -> None:
    """Its figure is noise."""
    (found,) = rule.judge(facts(survey(held=(replace(HELD, rows=20),)), loaders=(LOADER,))) or []

    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    "near",
    [
        Facts(loaders=(LOADER,)),
        Facts(loaders=(replace(EMPTY, iters=0),)),
        Facts(loaders=(replace(EMPTY, n_samples=0),)),
        facts(survey(), loaders=(LOADER,)),
        facts(survey(held=(THREE,)), survey(held=(THREE,)), loaders=(LOADER,)),
        facts(survey(replace(TRAIN, complete=False), (THREE,)), loaders=(LOADER,)),
        facts(survey(held=(replace(HELD, label_counts={"5": 80, "6": 90, "7": 3}),)), loaders=(LOADER,)),
        facts(survey(held=(replace(HELD, label_counts={"0": 80, "1": 90, "2": 2}),)), loaders=(LOADER,)),
        facts(survey(held=(HELD, replace(HELD, rows=20))), loaders=(LOADER,)),
    ],
)
def test_silent(near: Facts) -> None:
    """Full loaders, unused ones, several stages, unread labels, other protocols, stray labels."""
    assert rule.judge(near) == []
