"""Vanishing gradient: fires on sick facts, is silent on near ones."""

import pytest

from torchladder.core.facts import ActivationFact, Facts, TrialFact
from torchladder.core.findings import Place
from torchladder.core.model_facts import LayerGradientFact
from torchladder.rules.model.vanishing_gradient import rank_correlation
from torchladder.rules.model.vanishing_gradient import vanishing_gradient as rule_


def layers(factor, n=10, *, steps=6, fresh=True):
    rows = []
    for depth in range(n):
        ratio = 1e-1 / factor ** (n - 1 - depth)
        rows.append(LayerGradientFact(0, f"l{depth}.weight", depth, n, (ratio,) * steps, fresh=fresh))
    return tuple(rows)


def judge(rows, *, passed=False, activations=()):
    trial = TrialFact("base", 0, (1.0,) * 9, passed, "")
    return rule_.judge(Facts(layer_gradients=rows, trials=(trial,), activations=activations))


def test_a_steady_fall_is_found():
    """Four times less a layer, over ten layers."""
    (found,) = judge(layers(4))

    assert found.severity.value == "error"
    assert found.seen[2].value == 10


def test_the_remedy_names_the_hidden_squashes():
    """ReLU stands in for them, on their lines."""
    act = ActivationFact("sigmoid", 0, 0, Place("train.py", 7), "deep.1", None, 64, 0, 0.0, 0.1, 512)
    (found,) = judge(layers(4), activations=(act,))

    assert found.fixes[0].change.args["sites"][0]["line"] == 7


def test_silent_on_look_alikes():
    """A batch that was memorised, a mild fall, few layers or steps, a pretrained model."""
    assert judge(layers(4), passed=True) == []
    assert judge(layers(1.5)) == []
    assert judge(layers(20, 4)) == []
    assert judge(layers(4, steps=2)) == []
    assert judge(layers(4, fresh=False)) == []


def test_silent_when_a_few_layers_stray():
    """A fall that does not follow depth is another matter."""
    rows = layers(1, 12)
    odd = tuple(
        LayerGradientFact(0, r.name, r.depth, 12, (1e-6 if r.depth in {0, 1, 2, 9, 10} else 1.0,) * 6) for r in rows
    )

    assert judge(odd) == []


def test_rank_correlation_is_spearmans():
    """Rising is one, falling is minus one."""
    assert rank_correlation([1, 2, 3]) == pytest.approx(1)
    assert rank_correlation([3, 2, 1]) == pytest.approx(-1)
