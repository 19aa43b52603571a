"""label-misaligned on facts written by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.rules.surveys import CALL, HELD, TRAIN, facts, survey
from torchladder.core.data_facts import AlignmentFact, ReassignedFact, RereadFact, SurveyFact
from torchladder.core.findings import Severity
from torchladder.data.reassigned import reassigned
from torchladder.rules.data.label_misaligned import label_misaligned as rule

Array = NDArray[Any]

SHIFTED = AlignmentFact("stored", "shift", -1, 980, 0.5, 0.9, 0.5, 0.3, 40.0, 2.0)
BATCH = replace(SHIFTED, level="batch", how="reversed", shift=0)
ALIGNED = AlignmentFact("stored", "shift", 0, 980, 0.9, 0.9, 0.5, 40.0, 40.0, 2.0)
LOST = replace(TRAIN, neighbour_score=0.5, neighbour_z=0.2, probe_score=0.52)
HARD = replace(SHIFTED, how="shift", shift=13, score_best=0.55, z_best=3.5, z_next=3.3)


@pytest.mark.parametrize(
    "stage",
    [
        survey(LOST, alignments=(SHIFTED,)),
        survey(LOST, alignments=(replace(SHIFTED, how="names", shift=0),)),
        survey(alignments=(ALIGNED, BATCH)),
        survey(LOST, alignments=(HARD, replace(SHIFTED, level="source"))),
    ],
)
def test_one_displacement_that_fits_is_an_error(stage: SurveyFact) -> None:
    """Labels that fit elsewhere, and only there, belong there."""
    (found,) = rule.judge(facts(stage)) or []

    assert found.severity is Severity.ERROR
    assert found.where


def test_a_shift_of_stored_labels_can_be_tried() -> None:
    """The fix moves them back; within batches there is nothing to move."""
    (stored,) = rule.judge(facts(survey(LOST, alignments=(SHIFTED,)))) or []
    (batch,) = rule.judge(facts(survey(alignments=(ALIGNED, BATCH)))) or []

    assert stored.fixes[0].change is not None
    assert stored.fixes[0].change.args == {"loader": 0, "how": "shift", "shift": -1, "below": False}
    assert batch.fixes[0].change is None
    assert batch.where[0] == CALL


def test_lists_below_a_subset_are_compared_too() -> None:
    """A random split hides the order of the names; the change is made in the data set below it."""
    base = replace(SHIFTED, level="base", how="names", shift=0)
    (found,) = rule.judge(facts(survey(LOST, alignments=(HARD, base)))) or []

    assert found.severity is Severity.ERROR
    assert found.fixes[0].change is not None
    assert found.fixes[0].change.args == {"loader": 0, "how": "names", "shift": 0, "below": True}


def test_lists_that_fit_before_the_split_are_proof() -> None:
    """Samples and labels were shuffled apart."""
    source = replace(ALIGNED, level="source")
    (found,) = rule.judge(facts(survey(LOST, alignments=(HARD, source)))) or []

    assert found.severity is Severity.ERROR


def test_a_held_out_side_in_order_is_a_warning() -> None:
    """Without a displacement it is less than certain."""
    (found,) = rule.judge(facts(survey(LOST, alignments=(HARD,)))) or []

    assert found.severity is Severity.WARNING


AUGMENTED = RereadFact(-1, 24, 1.0, 0.0, 0.8)
LOST_HELD = replace(HELD, neighbour_z=0.5)


@pytest.mark.parametrize(
    "stage",
    [
        survey(alignments=(ALIGNED,)),
        survey(LOST, (LOST_HELD,), alignments=(HARD,)),
        survey(LOST, (), alignments=(HARD,)),
        survey(LOST, (LOST_HELD,), alignments=(replace(SHIFTED, z_next=30.0),)),
        survey(LOST, (LOST_HELD,), alignments=(replace(SHIFTED, z_best=6.0),)),
        survey(LOST, (LOST_HELD,), alignments=(replace(SHIFTED, alone=0.99),)),
        survey(LOST, (LOST_HELD,), alignments=(replace(SHIFTED, z_here=9.0),)),
        survey(LOST, (LOST_HELD,), alignments=(replace(SHIFTED, score_best=0.52),)),
        survey(LOST, alignments=(HARD,), rereads=(AUGMENTED,)),
        survey(LOST, (replace(HELD, label_counts={"0": 100, "1": 100, "2": 100}),), alignments=(HARD,)),
        survey(LOST, (replace(HELD, shape=(9,)),), alignments=(HARD,)),
        survey(replace(LOST, read=100), alignments=(HARD,)),
        survey(replace(LOST, probe_score=0.6), alignments=(HARD,)),
    ],
)
def test_silent(stage: SurveyFact) -> None:
    """Labels in order, hard problems, series that contain earlier labels, samples transformed at random."""
    assert rule.judge(facts(stage)) == []


def passes(x: Array, y: Array, *orders: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return inputs and targets of several passes; each order is (of the inputs, of the targets)."""
    return np.concatenate([x[a] for a, _ in orders]), np.concatenate([y[b] for _, b in orders])


def test_inputs_that_are_shuffled_alone_are_seen_in_the_pairs() -> None:
    """Every pass gives the samples other targets, each of which has been another's."""
    chance = np.random.default_rng(0)
    x, y, own = chance.normal(size=(80, 5)), chance.normal(size=80), np.arange(80)
    orders = [chance.permutation(80) for _ in range(4)]

    assert reassigned(*passes(x, y, *((a, own) for a in orders))) is not None
    assert reassigned(*passes(x, y, *((a, a) for a in orders))) is None
    assert reassigned(*passes(x, y, (orders[0], own))) is None


def test_targets_that_may_differ_prove_nothing() -> None:
    """Computed anew in each pass; of a second input as well; of a few values."""
    chance = np.random.default_rng(1)
    x, own = chance.normal(size=(80, 5)), np.tile(np.arange(80), 4)

    assert reassigned(x[own], chance.normal(size=320)) is None
    assert reassigned(np.tile(x[own], (2, 1)), np.tile(chance.normal(size=320), 2)) is None
    assert reassigned(x[own], chance.integers(0, 3, 320).astype(np.float32)) is None


def test_a_finding_of_the_pairs() -> None:
    """It stands before what neighbours could tell."""
    (found,) = rule.judge(facts(survey(LOST, reassigned=ReassignedFact(350, 1.0, 0.99)))) or []

    assert found.severity is Severity.ERROR
    assert found.seen[0].value == 1.0
