"""Seed unset: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.findings import Place, Severity
from torchladder.core.loop_facts import SeedFact
from torchladder.rules.outcome.seed_unset import seed_unset as rule_


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(seeds, backwards=10):
    return rule_.judge(Facts(seeds=seeds, program=ProgramFact("ended", backwards=backwards)))


def test_training_without_a_seed_is_a_note():
    """Never more than a remark; a seed of NumPy is none for torch."""
    (found,) = judge(())

    assert found.severity is Severity.NOTE
    assert judge((SeedFact("numpy", Place("t.py", 2), 1, 1),))


def test_silent_with_a_seed_or_without_training():
    """One call is enough."""
    assert judge((SeedFact("torch", Place("t.py", 2), 1, 1),)) == []
    assert judge((), backwards=0) == []
