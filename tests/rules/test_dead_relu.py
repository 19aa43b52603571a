"""Dead relu: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import ActivationFact, Facts, ParameterFact, TrialFact
from torchladder.core.findings import Place, Severity
from torchladder.rules.model.dead_relu import dead_relu as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def act(dead, units=128, **parts):
    known = {"function": "relu", "phase": 0, "step": 3, "place": Place("net.py", 5), "module": "net"}
    known |= {"created": None, "units": units, "dead": dead, "zeros": 0.9, "saturated": None}
    return ActivationFact(**{**known, "n_samples": 640, "fed_by": "fc1", **parts})


def judge(*acts, passed=False, parameters=None):
    trials = (TrialFact("base", 0, (2.3, 2.3), passed, ""),)
    return rule_.judge(Facts(activations=acts, trials=trials, parameters=parameters))


def test_a_dead_layer_is_an_error():
    """And the layer before it is re-initialised."""
    (found,) = judge(act(128), act(120))

    assert found.severity is Severity.ERROR
    assert found.fixes[0].change.args == {"phase": 0, "modules": ["fc1"]}


def test_a_half_dead_layer_is_a_warning_unless_the_batch_is_fitted():
    """It costs capacity only."""
    assert judge(act(80))[0].severity is Severity.WARNING
    assert judge(act(80), passed=True) == []


def test_silent_on_sparsity_and_inheritance():
    """Sparse units, few samples, few units, pretrained and frozen layers, other functions."""
    loaded = parameter("fc1.weight", module="fc1", fresh=False)
    frozen = parameter("fc1.weight", module="fc1", requires_grad=False)

    assert judge(act(10)) == []
    assert judge(act(128, n_samples=32)) == []
    assert judge(act(2, units=2)) == []
    assert judge(act(128, function="tanh")) == []
    assert judge(act(110), parameters=(loaded,)) == []
    assert judge(act(110), parameters=(frozen,)) == []
