"""Loader bound: fires on waits that are long and lasting, names the setting that fits, is silent on near ones."""

import dataclasses

import pytest

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import FeedingFact
from torchladder.core.findings import Place
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
