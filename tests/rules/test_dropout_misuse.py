"""Dropout misuse: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, LossCallFact, OpFact, TrialFact
from torchladder.core.findings import Place
from torchladder.core.model_facts import DropoutFact
from torchladder.rules.model.dropout_misuse import dropout_misuse as rule_

HERE = Place("train.py", 9)


def judge(*rows, tail=(), function="cross_entropy", passed=None):
    call = LossCallFact(function, 0, 0, HERE, None, None, 1.0, tail=tail)
    trial = TrialFact("base", 0, (1.0,) * 9, passed, "")
    return rule_.judge(Facts(dropouts=rows, loss_calls=(call,), trials=(trial,)))


def dropout(p=0.1, *, active=10, in_eval=0, gated=True):
    return DropoutFact("dropout", p, active, in_eval, gated, HERE)


def test_nearly_everything_is_dropped():
    """The share that is kept was given as the share that is dropped; stuck makes it an error."""
    (found,) = judge(dropout(0.95))

    assert found.severity.value == "warning"
    assert found.fixes[0].change.args["p"] == 0.05
    assert judge(dropout(0.95), passed=False)[0].severity.value == "error"


def test_dropout_on_the_logits_is_found_through_reshapes():
    """Nothing with weights stands between it and the loss."""
    assert judge(tail=(OpFact("view"), OpFact("dropout", HERE)))
    assert judge(tail=(OpFact("log_softmax"), OpFact("dropout", HERE)), function="nll_loss")


def test_dropout_left_on_in_evaluation_is_found():
    """Calls dropped values while the model was in evaluation mode."""
    (found,) = judge(dropout(0.3, in_eval=4, gated=False))

    assert found.fixes[0].change.args["gate"] is True


def test_silent_on_look_alikes():
    """Ordinary p, never active, on on purpose, before more arithmetic, a loss of another kind."""
    assert judge(dropout(0.8)) == []
    assert judge(dropout(0.95, active=0)) == []
    assert judge(dropout(0.3, in_eval=4, gated=True)) == []
    assert judge(tail=(OpFact("mul"), OpFact("dropout", HERE))) == []
    assert judge(tail=(OpFact("dropout", HERE), OpFact("relu"))) == []
    assert judge(tail=(OpFact("dropout", HERE),), function="custom") == []
