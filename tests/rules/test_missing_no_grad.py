"""Missing no_grad: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.rules.loop.missing_no_grad import missing_no_grad as rule_


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(**parts):
    evaluation = EvaluationFact(
        0, 10, 0, "Net", Place("t.py", 9), 10, 400, **{"with_grad": 10, "kept_graphs": 1, **parts}
    )
    return rule_.judge(Facts(evaluations=(evaluation,)))


def test_graphs_that_nobody_differentiates_are_a_note():
    """It costs memory and time, no more."""
    (found,) = judge()

    assert found.severity is Severity.NOTE


def test_graphs_that_pile_up_are_a_warning():
    """The outputs of the whole pass are collected with their graphs."""
    (found,) = judge(kept_graphs=10)

    assert found.severity is Severity.WARNING


def test_silent_on_look_alikes():
    """No graph, steps in training mode without a loader, training data, outputs that feed training."""
    assert judge(with_grad=0) == []
    assert judge(in_training_mode=10) == []
    assert judge(loader_trained=True) == []
    assert judge(feeds_training=True) == []
