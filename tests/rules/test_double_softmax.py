"""Double softmax: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact, OpFact, TensorFact
from torchladder.core.findings import Place, Severity, Standing
from torchladder.rules.model.double_softmax import double_softmax as rule_

LOSS = Place("train.py", 20)
LAST = Place("net.py", 7)


def call(function="cross_entropy", **parts):
    known = {"phase": 0, "step": 0, "place": LOSS, "input": None, "target": None, "value": None}
    return LossCallFact(function, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


PROBABILITIES = TensorFact((32, 10), "float32", min=0.01, max=0.6, row_sum=1.0, row_sum_spread=1e-7)


def judge(**parts):
    return rule_.judge(Facts(loss_calls=(call(**parts),)))


def test_a_softmax_before_cross_entropy_is_found():
    """The softmax is the place, the loss the second, and the floor is told."""
    op = OpFact("softmax", LAST, dim=1, shape=(32, 10))
    (found,) = judge(input=PROBABILITIES, tail=(op,), n_outputs=10)

    assert found.where == (LAST, LOSS)
    assert found.seen[1].value == 1.461
    assert found.fixes[0].change.args == {"path": "net.py", "line": 7, "function": "softmax", "module": None}


def test_a_softmax_over_a_vocabulary_flattened_before_the_loss_is_found():
    """Reshapes between are passed over."""
    tail = (OpFact("flatten"), OpFact("SoftmaxBackward0", LAST, dim=2, shape=(4, 8, 10)))

    assert judge(input=PROBABILITIES, tail=tail)


def test_log_softmax_is_a_note():
    """It is harmless."""
    (found,) = judge(tail=(OpFact("log_softmax", LAST, dim=1),))

    assert found.severity is Severity.NOTE
    assert found.standing is Standing.PROVEN


def test_silent_on_other_softmaxes():
    """A gate, a scaled softmax, NLLLoss, a monitoring term and values beyond 1 are all right."""
    op = OpFact("softmax", LAST, dim=1, shape=(32, 10))
    wide = TensorFact((32, 10), "float32", min=-4.0, max=6.0)

    assert judge(input=wide, tail=(OpFact("mul"), op)) == []
    assert judge(input=wide, tail=(op,)) == []
    assert judge(function="nll_loss", tail=(OpFact("log"), op)) == []
    assert judge(tail=(op,), differentiated=False) == []
    assert judge(tail=()) == []


def test_silent_on_a_softmax_over_the_batch():
    """That is another fault."""
    op = OpFact("softmax", LAST, dim=0, shape=(32, 10))

    assert judge(input=PROBABILITIES, tail=(op,)) == []
