"""Evaluated on train: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts, ProgramFact
from torchladder.core.findings import Place, Severity
from torchladder.core.loop_facts import SourceFact, SpareFact
from torchladder.rules.loop.evaluated_on_train import evaluated_on_train as rule_

AT = Place("t.py", 9)
SPARE = SpareFact("loader", Place("t.py", 3), None, 400)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(shares=(1.0,), spares=(SPARE,), state="ended", **parts):
    passes = tuple(
        EvaluationFact(i, 100, 0, "Net", AT, 2, 100, **{"kind": "classes", **parts}) for i in range(len(shares))
    )
    sources = tuple(SourceFact(i, share, Place("t.py", 30)) for i, share in enumerate(shares))
    return rule_.judge(Facts(evaluations=passes, sources=sources, spares=spares, program=ProgramFact(state)))


def test_training_samples_beside_unused_held_out_data_are_a_warning():
    """At the line that calls the evaluation."""
    (found,) = judge()

    assert found.severity is Severity.WARNING
    assert found.where[0] == Place("t.py", 30)
    assert judge(shares=(None,), data_trained=True)


def test_without_held_out_data_it_is_a_note():
    """A demonstration, or a fit of one image."""
    (found,) = judge(spares=())

    assert found.severity is Severity.NOTE


def test_silent_on_look_alikes():
    """Both sets evaluated, other samples, unknown samples, a run that may still come to its loader."""
    assert judge(shares=(1.0, 0.0)) == []
    assert judge(shares=(0.1,)) == []
    assert judge(shares=(None,)) == []
    assert judge(state="stopped") == []
    assert judge(feeds_training=True) == []
