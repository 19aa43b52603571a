"""Runs not comparable: fires on sick facts, is silent on near ones."""

from torchladder.core.facts import Facts, OptimizerFact, ParameterFact, RootFact
from torchladder.core.findings import Place
from torchladder.rules.outcome.runs_not_comparable import runs_not_comparable as rule_

AT = Place("t.py", 9)


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def judge(rates=(1e-3, 1e-2), norms=(1.0, 2.0), fresh=True, created=(AT, AT)):
    roots, optimizers, parameters = [], [], []
    for phase, (rate, norm, place) in enumerate(zip(rates, norms, created, strict=True)):
        roots.append(RootFact("Net", "Net", phase, 8, 8, (), None, created=place))
        optimizers.append(
            OptimizerFact(
                phase,
                phase,
                "SGD",
                None,
                1,
                1,
                1,
                ({"lr": rate},),
                rate,
                rate,
                False,
                (),
                (),
                (),
                9,
                9,
                9,
                0,
                1.0,
                0,
                0,
            )
        )
        parameters.append(
            ParameterFact("fc.weight", phase, (2, 4), True, True, True, True, True, weight_norm=norm, fresh=fresh)
        )
    return rule_.judge(Facts(roots=tuple(roots), optimizers=tuple(optimizers), parameters=tuple(parameters)))


def test_other_settings_from_other_weights_are_noted():
    """Two rates, two draws of the weights."""
    assert judge()


def test_silent_on_look_alikes():
    """The same weights, the same settings (folds, ensembles), a second stage, another model."""
    assert judge(norms=(1.0, 1.0)) == []
    assert judge(rates=(1e-3, 1e-3)) == []
    assert judge(fresh=False) == []
    assert judge(created=(AT, Place("t.py", 20))) == []
