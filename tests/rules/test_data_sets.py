"""Rules of rung 1 on facts of data sets that no program has read."""

from dataclasses import replace

import pytest

from tests.rules.surveys import HELD, TRAIN, survey
from torchladder.core.data_facts import MismatchFact, NoiseFact, StumpFact, SuspectLabel
from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.core.set_facts import ColumnFact, LabelsFact, SetFact
from torchladder.core.shift_facts import RenamedFact, ShiftFact
from torchladder.rules.registry import find_rule

AGE = ColumnFact("age", 500, low=18.0, high=90.0, mean=45.0, std=12.0)
RATE = ColumnFact("rate", 500, low=0.0, high=0.01, mean=0.005, std=0.002)
LABELS = LabelsFact(True, 500, {"0": 180, "1": 170, "2": 150}, numbers=True, low=0, high=2)
SET = SetFact("train", "train.csv", "table", 500, 500, True, columns=(AGE, replace(AGE, name="tenure")), labels=LABELS)
OTHER = replace(SET, role="held-out", name="val.csv", rows=200, read=200, labels=replace(LABELS, n=200))


def judge(code: str, *sets: SetFact, **parts: object) -> list[Finding]:
    """Return what one rule says."""
    rule = find_rule(code)
    assert rule is not None
    return rule.judge(Facts(sets=sets, **parts)) or []


@pytest.mark.parametrize("code", ["TL101", "TL102", "TL103", "TL105", "TL108", "TL123"])
def test_a_sound_table_is_silent(code: str) -> None:
    """Judged without a program, and nothing found."""
    rule = find_rule(code)
    assert rule is not None

    assert rule.judge(Facts(sets=(SET, OTHER))) == []


def test_columns_on_scales_far_apart_are_a_remark() -> None:
    """A table as it lies on disk may well be raw."""
    (found,) = judge("TL101", replace(SET, columns=(AGE, RATE)))

    assert found.severity is Severity.NOTE
    assert "`age` and `rate`" in found.message


@pytest.mark.parametrize(
    ("column", "severity"),
    [
        (replace(AGE, infinite=3, examples=("row 4",)), Severity.WARNING),
        (replace(AGE, missing=90, examples=("row 4",)), Severity.NOTE),
    ],
)
def test_what_a_column_lacks(column: ColumnFact, severity: Severity) -> None:
    """Gaps are common in tables, infinite values are not; a sample is named."""
    (found,) = judge("TL102", replace(SET, columns=(column,)))

    assert found.severity is severity
    assert found.seen[-1].value == "row 4"


def test_arrays_with_nan_and_missing_labels_are_warnings() -> None:
    """Neither can be trained on as it is."""
    spoiled = replace(SET, kind="arrays", columns=(), nonfinite=12, spoiled=2, examples=("sample 7",))
    bare = replace(SET, labels=replace(LABELS, missing=5, examples=("row 2",)))

    assert [f.severity for f in judge("TL102", spoiled)] == [Severity.WARNING]
    assert [f.severity for f in judge("TL102", bare)] == [Severity.WARNING]


def test_a_constant_column_is_named() -> None:
    """By its name, over all samples."""
    (found,) = judge("TL103", replace(SET, columns=(AGE, RATE, ColumnFact("site", 500, constant=True))))

    assert "`site`" in found.message


def test_a_stray_label_is_a_warning_with_an_example() -> None:
    """255 beside 0, 1 and 2."""
    labels = replace(LABELS, n=505, counts={**LABELS.counts, "255": 5}, high=255, rare={"255": "row 9"})
    (found,) = judge("TL105", replace(SET, labels=labels))

    assert found.severity is Severity.WARNING
    assert found.seen[-1].value == "row 9"


@pytest.mark.parametrize(
    "counts",
    [{"-1": 200, "0": 150, "1": 150}, {"3": 200, "7": 200, "1000": 10}, {"0": 200, "1": 200, "2": 90, "3": 10}],
)
def test_labels_that_may_be_meant_are_left_alone(counts: dict[str, int]) -> None:
    """Three moods, numbers that are names, a rare class."""
    assert judge("TL105", replace(SET, labels=replace(LABELS, counts=counts))) == []


def test_classes_counted_from_1_are_a_remark() -> None:
    """A loss counts from 0."""
    (found,) = judge("TL105", replace(SET, labels=replace(LABELS, counts={"1": 200, "2": 200, "3": 100})))

    assert found.severity is Severity.NOTE


def test_unequal_classes_are_a_remark() -> None:
    """No loss is known that might weight them."""
    (found,) = judge("TL108", replace(SET, labels=replace(LABELS, counts={"0": 480, "1": 20})))

    assert found.severity is Severity.NOTE
    assert "96.0%" in found.message


def test_a_class_that_training_lacks_is_a_warning_the_other_way_round_a_remark() -> None:
    """Names need not be numbers."""
    cats = replace(OTHER, labels=replace(LABELS, n=200, counts={"cat": 100, "dog": 80, "emu": 20}, numbers=False))
    dogs = replace(SET, labels=replace(LABELS, counts={"cat": 300, "dog": 200}, numbers=False))

    assert [f.severity for f in judge("TL123", dogs, cats)] == [Severity.WARNING]
    assert [f.severity for f in judge("TL123", cats, dogs)] == [Severity.NOTE]


def test_a_tiny_held_out_side_is_a_remark() -> None:
    """Twelve samples."""
    found = judge("TL123", SET, replace(OTHER, read=12, labels=None))

    assert [f.severity for f in found] == [Severity.NOTE]


def test_renamed_classes_are_an_error_of_alignment() -> None:
    """A probe is right once each class is the next one."""
    row = RenamedFact(0, 1, 0.02, 0.93, 0.94, 10, 400, (("0", "1"), ("1", "2")))
    stage = replace(survey(renamings=(row,)), program=False)
    (found,) = judge("TL104", SET, surveys=(stage,))

    assert "moved by 1 modulo 10" in found.message


@pytest.mark.parametrize(
    "row",
    [
        RenamedFact(0, 0, 0.93, 0.93, 0.94, 10, 400),
        RenamedFact(0, 1, 0.2, 0.62, 0.65, 2, 400, (("a", "b"),)),
        RenamedFact(0, None, 0.5, 0.6, 0.94, 10, 400, (("1", "7"),)),
    ],
)
def test_names_that_fit_no_better_are_silent(row: RenamedFact) -> None:
    """As they ought to be; a poor probe; a shift of inputs."""
    assert judge("TL104", SET, surveys=(replace(survey(renamings=(row,)), program=False),)) == []


def test_labels_at_chance_are_told_of_a_plain_set() -> None:
    """Random labels, or a hard task; both sides alike."""
    train = replace(TRAIN, neighbour_score=0.5, neighbour_z=0.3, probe_score=0.51)
    held = replace(HELD, neighbour_score=0.5, neighbour_z=0.1, probe_score=0.5)
    stage = survey(train, (held,))

    assert [f.severity for f in judge("TL104", SET, surveys=(replace(stage, program=False),))] == [Severity.NOTE]
    assert judge("TL104", SET, surveys=(stage,)) == []


def test_wrong_labels_are_told_by_the_names_of_their_samples() -> None:
    """What the user can open."""
    suspect = SuspectLabel(7, 0, 1, 0.9, "cats/7.png", "cat", "dog")
    rows = (NoiseFact(-1, 980, 0.76, 0.15, (suspect,)), NoiseFact(0, 300, 0.9, 0.01))
    (found,) = judge("TL120", SET, surveys=(replace(survey(noise=rows), program=False),))

    assert "cats/7.png (cat, rather dog)" in str(found.seen[-1].value)


def test_labels_of_sides_of_another_kind_are_not_compared() -> None:
    """Held-out samples may be easier."""
    rows = (NoiseFact(-1, 980, 0.85, 0.12, (SuspectLabel(7, 0, 1, 0.9),)), NoiseFact(0, 300, 0.97, 0.01))
    apart = ShiftFact(0, "covariate", 0.95, 1e-50, 800, 300)
    (found,) = judge("TL120", SET, surveys=(survey(noise=rows),), shifts=(apart,))

    assert found.severity is Severity.NOTE


def test_a_leaking_column_is_told_by_its_name() -> None:
    """Not by its number."""
    stump = StumpFact(3, 8, 0.999, 0.8, 0.51, 900, name="ward")
    (found,) = judge("TL113", SET, surveys=(replace(survey(stump=stump), program=False),))

    assert found.message.startswith("column `ward` alone")


def test_a_scale_of_its_own_needs_no_model() -> None:
    """Neighbours in training answer in the model's place."""
    row = MismatchFact(0, 255.0, 0.0, 0.01, 9.0, 900, 300, kind="classes", asked=300, own_score=0.5, mapped_score=0.95)
    (found,) = judge("TL114", SET, surveys=(replace(survey(mismatches=(row,)), program=False),))

    assert "model" not in found.message
