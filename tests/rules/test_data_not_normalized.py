"""data-not-normalized on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts, RootFact, TensorFact, TrialFact
from torchladder.core.findings import Place, Standing
from torchladder.rules.data.data_not_normalized import data_not_normalized as rule

PIXELS = TensorFact((32, 1, 28, 28), "float32", min=0, max=255, mean=33.0, std=78.0)
UNIT = TensorFact((32, 8), "float32", min=-3, max=3, mean=0.1, std=1.0, feature_scale_ratio=1.3)
PLACE = Place("train.py", 20)
FAILED = TrialFact("base", 0, (2.3, 2.3), passed=False, reason="flat")


def facts(entry: TensorFact, trial: TrialFact = FAILED, first: str = "Linear") -> Facts:
    """Return facts of one model with one input and one same-batch run."""
    root = RootFact("model", "Net", 0, 10, 10, (entry,), None, PLACE, first_layer=first)
    return Facts(roots=(root,), trials=(trial,))


@pytest.mark.parametrize(
    "entry",
    [
        PIXELS,
        replace(UNIT, mean=2000.0, min=1990, max=2010),
        replace(UNIT, feature_scale_ratio=5000.0, max=40.0),
        replace(UNIT, min=-3e-5, max=3e-5, mean=0.0, std=1e-5),
    ],
)
def test_raw_inputs_are_suspected_when_a_batch_cannot_be_memorised(entry: TensorFact) -> None:
    """Large values, large offsets, unlike units and tiny values are each suspected."""
    (found,) = rule.judge(facts(entry)) or []

    assert found.standing is Standing.SUSPECTED
    assert found.where == (PLACE,)
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.kind == "standardise_input"
    assert len(found.message) <= 100


@pytest.mark.parametrize(
    "near",
    [
        facts(UNIT),
        facts(replace(UNIT, feature_scale_ratio=900.0, min=0, max=1)),
        facts(PIXELS, first="BatchNorm2d"),
        facts(PIXELS, first="Embedding"),
        facts(replace(PIXELS, dtype="int64")),
        facts(replace(PIXELS, dtype="uint8")),
        facts(PIXELS, replace(FAILED, passed=True)),
        facts(PIXELS, replace(FAILED, passed=None)),
        facts(PIXELS, replace(FAILED, phase=1)),
        facts(TensorFact((0, 3), "float32")),
    ],
)
def test_silent(near: Facts) -> None:
    """Unit scale, normalising layers, ids and batches that are memorised are left alone."""
    assert rule.judge(near) == []


def test_without_facts_it_does_not_know() -> None:
    """Not having looked is not the same as having found nothing."""
    assert rule.judge(Facts()) is None
