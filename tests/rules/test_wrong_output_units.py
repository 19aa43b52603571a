"""Wrong output units: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ErrorFact, Facts, LossCallFact, OpFact, ParameterFact, ProgramFact, TensorFact
from torchladder.core.findings import Place
from torchladder.rules.model.wrong_output_units import wrong_output_units as rule_

LOSS = Place("train.py", 20)


def call(function="cross_entropy", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


MADE = Place("net.py", 3)


def crashed(label, **parts):
    error = ErrorFact("IndexError", f"Target {label} is out of bounds.", "")
    program = ProgramFact("crashed", error=error, backwards=0)
    head = parameter(name="head.weight", output_layer=True, created=MADE, module="head")
    return rule_.judge(Facts(program=program, loss_calls=(call(**parts),), parameters=(head,)))


def counts(*labels):
    return {str(label): 3 for label in labels}


def test_one_output_too_few_is_found():
    """At the line that made the layer."""
    (found,) = crashed(9, n_outputs=9, label_counts=counts(*range(10)))

    assert found.where == (MADE, LOSS)
    assert crashed(7, n_outputs=5, label_counts=counts(0, 1, 4, 6, 7))


def test_a_single_output_under_a_softmax_is_found():
    """In the loss's own softmax or in one before it."""
    op = OpFact("softmax", Place("net.py", 9), dim=1, shape=(32, 1))
    own = rule_.judge(Facts(loss_calls=(call(n_outputs=1),)))
    before = rule_.judge(Facts(loss_calls=(call(function="binary_cross_entropy", tail=(op,)),)))

    assert own[0].where == (LOSS,)
    assert before[0].where == (Place("net.py", 9), LOSS)


def test_silent_on_faulty_labels():
    """Counted from 1, negative, or a lone far-off id: the width is right."""
    assert crashed(10, n_outputs=10, label_counts=counts(*range(1, 11))) == []
    assert crashed(255, n_outputs=10, label_counts=counts(*range(10), 255)) == []
    assert crashed(10, n_outputs=10, label_counts=counts(-1, 0, 10)) == []


def test_silent_on_spare_outputs_and_rankings():
    """More outputs than labels, or one candidate now and then."""
    spare = Facts(loss_calls=(call(n_outputs=12, label_counts=counts(*range(10))),))
    ranking = Facts(loss_calls=(call(n_outputs=1), call(step=1, n_outputs=7)))
    tensor = TensorFact((32, 10), "float32")

    assert rule_.judge(spare) == []
    assert rule_.judge(ranking) == []
    assert rule_.judge(Facts(loss_calls=(call(input=tensor),))) == []
