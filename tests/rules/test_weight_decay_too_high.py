"""Weight decay too high: a suspicion when it matches the gradient and one batch is not fitted."""

from tests.rules.steps import base, optimizer
from torchladder.core.facts import Facts
from torchladder.core.findings import Standing
from torchladder.core.step_facts import DecayFact
from torchladder.rules.loop.weight_decay_too_high import weight_decay_too_high as rule_


def judge(*, passed=False, decoupled=False, ratios=(0.9, 1.1, 1.4), shrink=1e-3):
    row = DecayFact(0, 0.5, decoupled, ratios, shrink, 10.0, 2.0)
    return rule_.judge(Facts(decays=(row,), trials=(base(passed=passed),), optimizers=(optimizer(),)))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_decay_of_the_gradients_size_is_suspected():
    """Added to the gradient, or shrinking the weights on its own."""
    (added,) = judge()
    (apart,) = judge(decoupled=True, ratios=(0.1,), shrink=0.1)

    assert added.standing is Standing.SUSPECTED
    assert [f.change.args["factor"] for f in added.fixes] == [0.1, 0.01, 0.0]
    assert apart.seen[0].value == 0.1


def test_silent_on_usual_decay_and_on_a_batch_that_is_fitted():
    """What trains is right."""
    assert judge(passed=True) == []
    assert judge(ratios=(0.01, 0.02)) == []
    assert judge(decoupled=True, ratios=(0.01,), shrink=1e-4) == []
    assert judge(ratios=()) == []
