"""Checkpoint incomplete: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.loop_facts import RestoreFact
from torchladder.rules.loop.checkpoint_incomplete import checkpoint_incomplete as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(after=0.4, rows=300, passes=(0, 1), action="load", **parts):
    evaluations = tuple(
        EvaluationFact(i, 100, 0, "Net", AT, 2, n, data=1, kind="classes", accuracy=a, majority=0.1)
        for i, (a, n) in enumerate(((0.95, 300), (after, rows)))
    )
    row = RestoreFact(action, AT, before=passes[0], after=passes[1], **parts)
    return rule_.judge(Facts(restores=(row,), evaluations=evaluations))


def test_an_accuracy_that_falls_between_save_and_load_is_found():
    """The same data, the same step, another answer."""
    assert judge()


def test_missing_statistics_are_named():
    """Even where no pass before the save can be compared."""
    (found,) = judge(passes=(None, 1), missing_statistics=("bn.running_mean",), evaluated_after=2)

    assert "running statistics" in found.message


def test_silent_on_look_alikes():
    """The same accuracy, other data, nothing to compare, a save, statistics that training renews."""
    assert judge(after=0.94) == []
    assert judge(rows=100) == []
    assert judge(passes=(None, 1)) == []
    assert judge(action="save") == []
    assert judge(after=0.95, missing_statistics=("bn.running_mean",), steps_after=50) == []
