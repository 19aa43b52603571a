"""Checkpoint misuse: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.loop.checkpoint_misuse import checkpoint_misuse as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(action="load", **parts):
    return rule_.judge(Facts(restores=(RestoreFact(action, AT, **parts),)))


LOST = {"strict": False, "matched": 0, "parameters": 6, "unexpected": 6, "fitting": 6}
RESUMED = {"matched": 6, "parameters": 6, "held_optimizer": True, "optimizer_type": "Adam", "steps_after": 50}


def test_keys_with_a_prefix_that_match_nothing_are_an_error():
    """strict=False says nothing, and the weights stay random."""
    (found,) = judge(**LOST)

    assert found.severity is Severity.ERROR


def test_a_resumed_run_without_its_optimizer_is_found():
    """The file held the state, and nobody loaded it."""
    assert judge(**RESUMED)


def test_a_pickled_module_is_a_note():
    """It works, for now."""
    (found,) = judge("save", whole=True)

    assert found.severity is Severity.NOTE


def test_silent_on_look_alikes():
    """A new head, other keys altogether, strict loading, evaluation only, loaded state, plain SGD."""
    assert judge(**{**LOST, "matched": 5, "unexpected": 1, "fitting": 0}) == []
    assert judge(**{**LOST, "fitting": 0}) == []
    assert judge(**{**LOST, "strict": True}) == []
    assert judge(**{**RESUMED, "steps_after": 0}) == []
    assert judge(**{**RESUMED, "optimizer_loaded": True}) == []
    assert judge(**{**RESUMED, "optimizer_type": "SGD"}) == []
