"""Missing eval mode: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place, Severity
from torchladder.rules.loop.missing_eval_mode import missing_eval_mode as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(**parts):
    known = {
        "place": AT, "site": Place("t.py", 7), "calls": 4, "rows": 400, "in_training_mode": 4, "kind": "classes",
        "accuracy": 0.7, "repeat_change": 0.4, "mode_change": 0.5, "steady_change": 0.0, "mode_layers": 1,
        "asked_accuracy": 0.7, "mode_accuracy": 0.95,
    }  # fmt: skip
    evaluation = EvaluationFact(0, 10, 0, "Net", **{**known, **parts})
    return rule_.judge(Facts(evaluations=(evaluation,)))


def test_a_call_that_does_not_repeat_is_an_error_at_its_block():
    """Outputs left to chance, at the line where eval() belongs."""
    (found,) = judge()

    assert found.severity is Severity.ERROR
    assert found.where == (Place("t.py", 7), AT)


def test_statistics_of_the_test_batch_are_a_warning():
    """Batch norm repeats itself, but uses and moves statistics; the accuracy is much the same."""
    (found,) = judge(repeat_change=0.0, mode_change=0.1, buffers_moved=True, mode_accuracy=0.71)

    assert found.severity is Severity.WARNING


def test_silent_on_look_alikes():
    """Evaluation mode, nothing that cares, training, Monte Carlo, no targets, random by design, worse in eval."""
    assert judge(in_training_mode=0) == []
    assert judge(repeat_change=0.0, mode_change=0.0) == []
    assert judge(feeds_training=True) == []
    assert judge(repeated=3) == []
    assert judge(kind=None, accuracy=None) == []
    assert judge(steady_change=0.3, mode_layers=0) == []
    assert judge(repeat_change=0.0, mode_change=0.3, buffers_moved=True, mode_accuracy=0.3) == []
    assert judge(repeat_change=None, mode_change=None) == []


def test_a_training_metric_beside_a_proper_evaluation_is_left_alone():
    """Only held-out passes count where there are any."""
    training = EvaluationFact(
        0, 10, 0, "Net", AT, 4, 400, in_training_mode=4, kind="classes", repeat_change=0.4, loader_trained=True
    )
    proper = EvaluationFact(1, 10, 0, "Net", Place("t.py", 30), 4, 400, kind="classes")

    assert rule_.judge(Facts(evaluations=(training, proper))) == []
