"""Loss wrong sign: fires on exact negatives, is silent on scalars that are to grow."""

import dataclasses

from tests.rules.steps import objective, optimizer
from torchladder.core.facts import Facts, RootFact
from torchladder.core.findings import Place
from torchladder.core.pull_facts import PullFact
from torchladder.rules.loss.loss_wrong_sign import loss_wrong_sign as rule_

GROWING = {"values": (2.3, 2.9, 3.8)}


def judge(*rows, optimizers=None, roots=()):
    return rule_.judge(Facts(objectives=rows, optimizers=optimizers or (optimizer(),), roots=roots))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_a_minus_too_many_or_too_few_is_found():
    """A negated loss, a hand-written log-likelihood, and a loss that is maximised."""
    (minus,) = judge(objective(scale=-1.0, **GROWING))
    by_hand = {"losses": (), "functions": (), "reductions": (), "scale": None, "values": (-2.3, -2.9, -3.8)}
    (missing,) = judge(objective(negated="cross_entropy", **by_hand))
    (told,) = judge(objective(**GROWING), optimizers=(optimizer(groups=({"lr": 0.1, "maximize": True},)),))

    assert minus.fixes[0].change.args == {"phase": 0, "factor": -1.0}
    assert [p.line for p in minus.where] == [10, 11]
    assert "negative of `cross_entropy`" in missing.message
    assert "maximise" in told.message


def test_silent_on_losses_that_fall_all_the_same():
    """A gradient that is turned round elsewhere, and a maximised negative."""
    assert judge(objective(scale=-1.0)) == []
    turned = (optimizer(groups=({"lr": 0.1, "maximize": True},)),)
    assert judge(objective(scale=-1.0, **GROWING), optimizers=turned) == []


def test_silent_on_adversaries_unlearning_and_sums_of_losses():
    """Two optimizers, a pretrained model, several losses in one scalar, losses without a lower bound."""
    assert judge(objective(scale=-1.0, **GROWING), optimizers=(optimizer(), optimizer(phase=1))) == []
    loaded = RootFact("Net", "Net", 0, 10, 10, (), None, pretrained=True)
    assert judge(objective(scale=-1.0, **GROWING), roots=(loaded,)) == []
    assert judge(objective(scale=-1.0, **GROWING), optimizers=(optimizer(n_registered=0),)) == []
    assert judge(objective(scale=None, functions=("cross_entropy", "mse_loss"), **GROWING)) == []
    assert judge(objective(scale=-1.0, functions=("gaussian_nll_loss",), **GROWING)) == []


PULL = PullFact(
    0, "log_var", 1, (0,), True, 11, 352, (1.2, 1.0, 0.5), values=(0.8, 0.4, -5.0), lines=(Place("train.py", 23),)
)


def pulled(*optimizers, **parts):
    row = dataclasses.replace(PULL, **parts)
    return rule_.judge(Facts(objectives=(), optimizers=optimizers or (optimizer(),), pulls=(row,)))


def test_a_loss_without_a_lower_bound_is_found():
    """Every sample pushes an output one way, as strongly as ever, far below 0; folds are one program."""
    (found,) = pulled()
    folds = pulled(optimizer(), optimizer(id=2, phase=1))
    (classes,) = pulled(layer="head", columns=4, one_way=(0, 1, 2, 3))

    assert "the output of `log_var`" in found.message
    assert found.where[0].line == 23
    assert len(folds) == 1
    assert "4 of 4 outputs of `head`" in classes.message


def test_silent_on_losses_that_something_holds():
    """Both signs, a pull that fades, a loss above 0, one that turned back, few samples, two players."""
    assert pulled(one_way=()) == []
    assert pulled(sizes=(1.2, 0.6, 0.1)) == []
    assert pulled(values=(2.3, 0.8, 0.1)) == []
    assert pulled(values=(2.3, -9.0, -5.0)) == []
    assert pulled(values=(30.0, 1.0, -5.0)) == []
    assert pulled(samples=60) == []
    loaded = RootFact("Net", "Net", 0, 10, 10, (), None, pretrained=True)
    assert rule_.judge(Facts(objectives=(), optimizers=(optimizer(),), roots=(loaded,), pulls=(PULL,))) == []
    assert pulled(looks=2) == []
    assert pulled(optimizer(), optimizer(id=2, phase=1, created=Place("train.py", 9))) == []
