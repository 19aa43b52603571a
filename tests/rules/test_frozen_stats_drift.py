"""Frozen stats drift: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.loop_facts import FrozenStatsFact
from torchladder.rules.loop.frozen_stats_drift import frozen_stats_drift as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(**parts):
    known = {"layers": 2, "moving": 2, "frozen_share": 0.9, "drift": 0.4, "trained_before": True, "names": ("bn1",)}
    return rule_.judge(Facts(frozen_stats=(FrozenStatsFact(0, place=AT, **{**known, **parts}),)))


def test_moving_statistics_of_a_frozen_part_are_found():
    """At the line that calls train()."""
    (found,) = judge()

    assert found.where == (AT,)


def test_silent_on_look_alikes():
    """In evaluation mode, never trained, little frozen, hardly moving."""
    assert judge(moving=0) == []
    assert judge(trained_before=False) == []
    assert judge(frozen_share=0.05) == []
    assert judge(drift=1e-6) == []
