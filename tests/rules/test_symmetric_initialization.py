"""Symmetric initialization: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, ParameterFact, TrialFact
from torchladder.core.findings import Place
from torchladder.rules.model.symmetric_initialization import symmetric_initialization as rule_


def parameter(name="fc.weight", **parts):
    known = {"phase": 0, "shape": (8, 4), "requires_grad": True, "registered": True, "reached": True}
    known |= {"in_optimizer": True, "in_any_optimizer": True, "used": True, "fresh": True}
    return ParameterFact(name, **{**known, **parts})


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(*parameters, passed=False):
    return rule_.judge(Facts(parameters=parameters, trials=(TrialFact("base", 0, (2.3,), passed, ""),)))


def test_constant_weights_are_found():
    """Equal rows in weight and gradient, first and last."""
    (found,) = judge(parameter(rows_equal=True, grad_rows_equal=True, module="fc"))

    assert found.fixes[0].change.args == {"phase": 0, "modules": ["fc"]}


def test_the_line_that_made_them_constant_comes_first():
    """It is where the mistake is; the layers are made elsewhere."""
    filled, created = Place("train.py", 20), Place("train.py", 13)
    (found,) = judge(parameter(rows_equal=True, grad_rows_equal=True, filled_at=filled, created=created))

    assert found.where == (filled, created)


def test_zeros_throughout_are_found():
    """Two weights of equal rows without any gradient."""
    zero = {"rows_equal": True, "grad_rows_equal": False, "grad_zero": True}

    assert judge(parameter("a.weight", **zero), parameter("b.weight", **zero))
    assert judge(parameter("a.weight", **zero), parameter("b.weight", **zero), passed=True) == []
    assert judge(parameter("a.weight", **zero)) == []


def test_silent_on_rows_that_part():
    """Zero-initialised heads, vectors, single units, frozen filters, the unreached."""
    same = {"rows_equal": True, "grad_rows_equal": True}

    assert judge(parameter(rows_equal=False, grad_rows_equal=False)) == []
    assert judge(parameter(rows_equal=True, grad_rows_equal=False)) == []
    assert judge(parameter(shape=(8,), **same)) == []
    assert judge(parameter(shape=(1, 8), **same)) == []
    assert judge(parameter(requires_grad=False, **same)) == []
    assert judge(parameter(reached=False, **same)) == []
