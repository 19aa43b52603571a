"""train-val-overlap on facts written by hand."""

from dataclasses import replace

import pytest

from tests.rules.surveys import CALL, HELD, TRAIN, facts, survey
from torchladder.core.data_facts import CopiesFact, OverlapFact, SurveyFact
from torchladder.core.duplicate_facts import DuplicateFact
from torchladder.core.findings import Severity
from torchladder.rules.data.train_val_overlap import train_val_overlap as rule

COPIES = OverlapFact(0, 120, 300, None, 1.0, 0.4, 240.0, 20, 1000, split=(CALL,))


@pytest.mark.parametrize(
    "o",
    [
        COPIES,
        replace(COPIES, within=None),
        replace(COPIES, bits=60.0, within=0.01),
        replace(COPIES, shared=0, same_rows=20, bits=3.0, values=2),
    ],
)
def test_copies_on_both_sides_are_a_warning(o: OverlapFact) -> None:
    """Rich samples, or far more across than within, or the same rows by number."""
    (found,) = rule.judge(facts(survey(overlaps=(o,)))) or []

    assert found.severity is Severity.WARNING
    assert found.where[0] == CALL


IDS = replace(TRAIN, dtype="int64")


@pytest.mark.parametrize(
    "stage",
    [
        survey(),
        survey(overlaps=(replace(COPIES, shared=0),)),
        survey(overlaps=(replace(COPIES, shared=2),)),
        survey(overlaps=(replace(COPIES, shared=4, compared=4000),)),
        survey(overlaps=(replace(COPIES, shared=300),)),
        survey(overlaps=(replace(COPIES, bits=20.0),)),
        survey(overlaps=(replace(COPIES, values=3),)),
        survey(overlaps=(replace(COPIES, bits=60.0),)),
        survey(IDS, (replace(HELD, dtype="int64"),), overlaps=(COPIES,)),
    ],
)
def test_silent(stage: SurveyFact) -> None:
    """Few copies, the training set itself, dice and boards, data that repeats itself, short texts."""
    assert rule.judge(facts(stage)) == []


GROUPS = CopiesFact(10, 1.0, 120, 3.5, 1.0, 0.99, 98.0, ((0, 4), (1, 7)))


def altered(**parts: float) -> OverlapFact:
    return replace(COPIES, shared=0, same_rows=None, copies=replace(GROUPS, **parts))


def test_altered_copies_on_both_sides_are_a_warning() -> None:
    """Groups of ten, torn apart by the split."""
    (found,) = rule.judge(facts(survey(overlaps=(altered(),)))) or []

    assert found.message == "99% of the held-out samples are altered copies of training samples"
    assert found.where[0] == CALL


@pytest.mark.parametrize(
    "parts",
    [{"share": 0.5}, {"held": 0.0}, {"one_label": 0.0}, {"apart": 1.1}, {"groups": 4}, {"bits": 5.0}],
)
def test_silent_on_natural_groups(parts: dict[str, float]) -> None:
    """Twins by chance, copies of training alone, classes, clouds that touch, few clusters, corners of a cube."""
    assert rule.judge(facts(survey(overlaps=(altered(**parts),)))) == []


ACROSS = DuplicateFact(
    0, 1, True, "pictures", 1000, 4000, 50, 50, 50, 3, 45, 3, 0.0, 300.0, sides=("train", "held-out")
)
NEARLY = replace(ACROSS, exact=False, bits=None, within=0.01)


@pytest.mark.parametrize("d", [ACROSS, NEARLY, replace(ACROSS, bits=60.0)])
def test_copies_across_data_sets_are_a_warning(d: DuplicateFact) -> None:
    """Equal or nearly so, poor samples far more often than they repeat themselves."""
    (found,) = rule.judge(facts(duplicates=(d,))) or []

    how = "copies" if d.exact else "near copies"
    assert found.severity is Severity.WARNING
    assert found.message == f"5.00% of the held-out pictures are {how} of training pictures"


@pytest.mark.parametrize(
    "d",
    [
        replace(ACROSS, shared=4, clear=4),
        replace(ACROSS, first=1, second=2),
        replace(NEARLY, clear=6),
    ],
)
def test_few_or_doubtful_copies_are_a_remark(d: DuplicateFact) -> None:
    """Four in a thousand, copies in two held-out sets, the same thing photographed twice."""
    assert [f.severity for f in rule.judge(facts(duplicates=(d,))) or []] == [Severity.NOTE]


@pytest.mark.parametrize(
    "d",
    [
        replace(ACROSS, shared=0, clear=0),
        replace(ACROSS, first=0, second=0),
        replace(ACROSS, bits=16.0),
        replace(ACROSS, bits=None),
        replace(ACROSS, bits=60.0, within=0.04),
        replace(NEARLY, shared=3, clear=3),
        replace(NEARLY, unknown="too many samples"),
    ],
)
def test_silent_across_data_sets(d: DuplicateFact) -> None:
    """None, within a side, dice, unknown, data that repeats itself, a few twins, nobody looked."""
    assert rule.judge(facts(duplicates=(d,))) == []


def test_where_all_samples_were_compared_the_few_of_the_survey_are_not() -> None:
    """One finding, not two."""
    assert len(rule.judge(facts(survey(overlaps=(COPIES,)), duplicates=(ACROSS,))) or []) == 1
