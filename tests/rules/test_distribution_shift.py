"""distribution-shift on facts written by hand."""

from dataclasses import replace

import pytest

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.shift_facts import FeatureShift, ShiftFact
from torchladder.rules.data.distribution_shift import distribution_shift as rule

INPUTS = ShiftFact(0, "covariate", 0.93, 1e-40, 800, 500, (FeatureShift("age", 0.6, 1e-30, "31.2", "58.4"),))
CLASSES = ShiftFact(0, "label", 0.3, 1e-20, 1400, 400)
ANSWERS = ShiftFact(0, "concept", 0.4, 1e-30, 1400, 400)
TIME = ShiftFact(-1, "temporal", 0.9, 1e-30, 400, 400)


def judge(*rows: ShiftFact) -> list[Finding]:
    """Return what the rule says."""
    return rule.judge(Facts(shifts=rows)) or []


@pytest.mark.parametrize("row", [INPUTS, CLASSES, ANSWERS])
def test_a_large_shift_is_a_warning(row: ShiftFact) -> None:
    """Unlikely, and large."""
    (found,) = judge(row)

    assert found.severity is Severity.WARNING


def test_the_features_that_tell_the_sides_apart_are_named() -> None:
    """With what they are on each side."""
    (found,) = judge(INPUTS)

    assert "age 31.2, 58.4" in str(found.seen[1].value)


def test_each_kind_has_its_own_response() -> None:
    """Four kinds, four remedies."""
    found = judge(INPUTS, CLASSES, ANSWERS, TIME)

    assert len({f.fixes[0].title for f in found}) == 4


@pytest.mark.parametrize(
    "row",
    [
        replace(INPUTS, planned="by scene"),
        replace(INPUTS, effect=0.7),
        replace(CLASSES, even=True),
        replace(CLASSES, effect=0.15),
        TIME,
    ],
)
def test_what_may_be_meant_is_a_remark(row: ShiftFact) -> None:
    """A split by group, a difference of degree, an even test, time that passes."""
    (found,) = judge(row)

    assert found.severity is Severity.NOTE


@pytest.mark.parametrize(
    "row",
    [
        replace(INPUTS, effect=0.55),
        replace(INPUTS, p=1e-3),
        replace(CLASSES, effect=0.05),
        replace(ANSWERS, effect=0.08),
        replace(ANSWERS, effect=None, p=None, why="inputs of the sides differ"),
    ],
)
def test_silent(row: ShiftFact) -> None:
    """Small, likely by chance, or not looked at."""
    assert judge(row) == []


def test_a_split_by_scene_is_to_be_kept() -> None:
    """The message says by what the sides were cut, and the response is not to cut them otherwise."""
    (found,) = judge(replace(INPUTS, planned="by scene"))

    assert found.message.endswith("as a split by scene makes them")
    assert found.fixes[0].title.startswith("keep the split")


def test_the_relation_of_predictions_to_labels_is_told() -> None:
    """The scores as they are and when read anew, and which predictions mean something else."""
    row = replace(
        ANSWERS, by="predictions", scores=(0.98, 0.31, 0.95), moved=("predicted a: a in training, b held out",)
    )
    (found,) = judge(row)

    assert found.severity is Severity.WARNING
    assert "0.31 held out, 0.95 there when read anew" in str(found.seen[1].value)
    assert found.notes == ("predicted a: a in training, b held out",)
