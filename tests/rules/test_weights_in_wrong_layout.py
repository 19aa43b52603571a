"""Weights in the wrong layout: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts
from torchladder.core.findings import Place
from torchladder.core.model_facts import ReshapeFact
from torchladder.core.trial_facts import InterrogationFact, TurnedFact
from torchladder.rules.model.weights_in_wrong_layout import weights_in_wrong_layout as rule_


def row(kind="weight", parameter="fc1.weight"):
    place, written = Place("train.py", 9), Place("train.py", 10)
    return ReshapeFact(kind, "reshape", place, (64, 48), (48, 64), (1, 0), parameter=parameter, written=written)


def test_a_reshaped_weight_is_found():
    """Where it was reshaped, and where it was written."""
    (found,) = rule_.judge(Facts(reshapes=(row(), row(parameter="fc2.weight"))))

    assert [w.line for w in found.where] == [9, 10]
    assert found.seen[0].value == 2
    assert found.fixes[0].title == "move the axes: `.T`"


def test_silent_on_look_alikes():
    """Data that is reshaped, and numbers that are never written to a parameter."""
    assert rule_.judge(Facts(reshapes=(row("data", None),))) == []
    assert rule_.judge(Facts(reshapes=(row("weight", None),))) == []
    assert rule_.judge(Facts(reshapes=())) == []


def square(right, turned, rows=32):
    asked = InterrogationFact(0, turned=TurnedFact(("fc2.weight",), rows, right, turned, Place("train.py", 36)))
    return rule_.judge(Facts(reshapes=(), interrogations=(asked,)))


def test_square_weights_that_know_more_when_they_are_transposed():
    """A copied weight that lies the wrong way round fits its layer, and knows nothing."""
    (found,) = square(0.1, 0.94)

    assert found.where[0].line == 36
    assert found.fixes[0].change.args == {"phase": 0, "names": ["fc2.weight"]}


def test_silent_where_a_transpose_tells_nothing():
    """Random weights, weights that lie right, a trained model that gains a little, and a handful of samples."""
    assert square(0.1, 0.2) == square(0.95, 0.12) == square(0.7, 0.9) == square(0.1, 0.9, rows=8) == []
