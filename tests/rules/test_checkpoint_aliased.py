"""Checkpoint aliased: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.loop.checkpoint_aliased import checkpoint_aliased as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(action="load", **parts):
    known = {"times": 1, "aliased": 1, "stale": 1, "taken": Place("t.py", 4), "taken_step": 20, "step": 100}
    return rule_.judge(Facts(restores=(RestoreFact(action, AT, **{**known, **parts}),)))


def test_a_state_that_moved_before_it_is_loaded_is_an_error():
    """At the line that took it."""
    (found,) = judge()

    assert found.severity is Severity.ERROR
    assert found.where == (Place("t.py", 4), AT)


def test_a_best_state_that_is_saved_late_is_a_warning():
    """What is written is the last state."""
    (found,) = judge("save")

    assert found.severity is Severity.WARNING


def test_silent_on_look_alikes():
    """A copy, a state used at once, and one taken before training that is saved as it moves."""
    assert judge(aliased=0, stale=0) == []
    assert judge(stale=0, step=20) == []
    assert judge("save", taken_step=0) == []
