"""Loader bound: fires on waits that are long and lasting, names the setting that fits, is silent on near ones."""

import dataclasses

import pytest

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import FeedingFact, PartFact, TrialOfSetting
from torchladder.core.findings import Place, Severity
from torchladder.rules.feeding.loader_bound import loader_bound as rule_

AT = Place("t.py", 9)
SLOW = FeedingFact(
    place=AT,
    dataset="Photos",
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    cores=8,
    device="cpu",
    passes=5,
    batches=1000,
    steps=1000,
    seconds=100.0,
    waited=60.0,
    first_waited=0.5,
    recent=0.6,
)


def judge(**parts):
    return rule_.judge(Facts(feeding=(dataclasses.replace(SLOW, **parts),)))


def test_a_step_that_waits_most_of_its_time_is_found_at_its_loop():
    """Sixty of a hundred seconds."""
    (found,) = judge()

    assert found.message == "training waits for data 60% of the time"
    assert found.where == (AT,)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "num_workers=4"),
        ({"cores": 2}, "num_workers=2"),
        ({"num_workers": 2}, "num_workers=4"),
        ({"num_workers": 2, "first_waited": 50.0, "recent": 0.1}, "persistent_workers=True"),
        ({"num_workers": 2, "first_waited": 50.0, "persistent_workers": True}, "num_workers=4"),
        ({"num_workers": 8}, "do less for each sample"),
        ({"cores": 1}, "do less for each sample"),
        ({"dataset": "TensorDataset"}, "whole batches"),
    ],
)
def test_the_first_setting_to_change_is_named(parts, words):
    """Workers where there are none, those that stay, more of them while cores are free, else less work."""
    (found,) = judge(**parts)

    assert words in found.fixes[0].title


@pytest.mark.parametrize(
    "parts",
    [
        {"waited": 25.0, "recent": 0.25},  # a quarter of the time
        {"waited": 12.0, "seconds": 20.0},  # a run of seconds
        {"waited": 30.0, "seconds": 60.0, "steps": 30_000},  # a millisecond a step
        {"steps": 20},  # files that are read for the first time
        {"recent": 0.05},  # a slow start that is over
        {"recent": None},
        {"device": "xla"},  # nobody knows whether it was at work
        {"steps": 0, "seconds": 0.0},  # data that is not trained on
    ],
)
def test_silent_on_look_alikes(parts):
    """Small shares, short runs, tiny steps, cold starts, unknown devices, evaluation."""
    assert judge(**parts) == []


def test_the_loader_that_costs_most_is_told():
    """One finding a run."""
    other = dataclasses.replace(SLOW, place=Place("t.py", 20), waited=70.0)
    (found,) = rule_.judge(Facts(feeding=(SLOW, other)))

    assert found.where == (Place("t.py", 20),)


TRIED = (
    TrialOfSetting({}, 0.08, (0.08, 0.09, 0.07)),
    TrialOfSetting({"num_workers": 2}, 0.044, (0.045, 0.044, 0.04)),
    TrialOfSetting({"num_workers": 2, "persistent_workers": True}, 0.043, (0.043, 0.044, 0.04)),
    TrialOfSetting({"num_workers": 1}, None, failed="OSError: no"),
)
TIMED = dataclasses.replace(
    SLOW, timed=True, steps=40, seconds=3.0, waited=2.0, recent=None, tried=TRIED, tried_on="training"
)


def judge_timed(**parts):
    return rule_.judge(Facts(feeding=(dataclasses.replace(TIMED, **parts),)))


def test_a_few_seconds_that_were_asked_for_are_enough():
    """`torchladder loader` times no whole run; what it tried is named with both measurements."""
    (found,) = judge_timed()

    assert found.severity is Severity.WARNING
    assert found.fixes[0].title == "change first: `num_workers=2`"  # as fast as with workers that stay, and simpler
    assert found.fixes[0].verified
    assert (found.fixes[0].before.value, found.fixes[0].after.value) == (12.5, 22.22)


def test_where_nothing_helps_the_largest_part_is_named():
    """No setting that does worse is advised."""
    parts = (PartFact("reading", 0.01), PartFact("transform", 0.07, steps={"Blur": 0.07}))
    (found,) = judge_timed(tried=(TRIED[0], TrialOfSetting({"num_workers": 2}, 0.1, (0.1, 0.1, 0.1))), parts=parts)

    assert [f.title for f in found.fixes] == [
        "keep what `Blur` gives, simplify it, or do it on the GPU (88% of a batch)"
    ]


def test_one_lucky_round_is_no_help():
    """A setting has to do better in most rounds."""
    lucky = TrialOfSetting({"num_workers": 2}, 0.06, (0.01, 0.1, 0.1))
    (found,) = judge_timed(tried=(TRIED[0], lucky))

    assert not [f for f in found.fixes if f.verified]


def test_a_loader_without_training_brings_a_note_at_most():
    """What a function makes is waited for by nobody."""
    (found,) = judge_timed(steps=0, seconds=0.0, waited=0.0, tried_on="alone")

    assert found.severity is Severity.NOTE
    assert found.message == "batches come 1.8 times as fast with num_workers=2"


@pytest.mark.parametrize(
    "parts",
    [
        {"waited": 0.1},  # the loader is not the problem
        {"waited": 0.6, "tried": ()},  # waits a fifth, and nothing was tried
        {"steps": 4, "tried": ()},  # too few steps
        {"waited": 0.15, "seconds": 0.3, "tried": ()},  # milliseconds
        {"waited": 0.15, "seconds": 0.3, "tried": tuple(dataclasses.replace(t, seconds=1e-4) for t in TRIED)},
    ],
)
def test_timed_look_alikes_are_left_alone(parts):
    """Small shares, few steps, batches that are made in no time."""
    assert judge_timed(**parts) == []
