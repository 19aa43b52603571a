"""State not reset: fires on sick facts, is silent on near ones."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.loop_facts import PrintedFact, StateFact
from torchladder.rules.loop.state_not_reset import state_not_reset as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def state(**parts):
    known = {"times": 8, "steps": 9, "shuffled": True}
    row = StateFact(0, "GRU", "rnn", AT, **{**known, **parts})
    return rule_.judge(Facts(states=(row,), printed=(), evaluations=()))


def printed(values):
    passes = tuple(
        EvaluationFact(i, 10 * (i + 1), 0, "Net", AT, 2, 100, kind="classes", accuracy=a, majority=0.1)
        for i, a in enumerate((0.5, 0.7, 0.8))
    )
    row = PrintedFact(Place("t.py", 20), 0, "accuracy", (0, 1, 2), values, 4)
    return rule_.judge(Facts(states=(), printed=(row,), evaluations=passes))


def test_a_strangers_state_is_found():
    """Shuffled batches, each begun with the state of the last."""
    (found,) = state()

    assert found.module == "rnn"


def test_a_figure_that_adds_up_over_the_passes_is_found():
    """The sum of all passes, or their mean."""
    assert printed((0.5, 1.2, 2.0))
    assert printed((0.5, 0.6, 0.6667))


def test_silent_on_look_alikes():
    """Contiguous batches, a warm start, the right figure, another figure."""
    assert state(shuffled=False) == []
    assert state(times=1) == []
    assert printed((0.5, 0.7, 0.8)) == []
    assert printed((50.0, 70.0, 80.0)) == []
    assert printed((0.4, 0.6, 0.9)) == []
