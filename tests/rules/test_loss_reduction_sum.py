"""Loss reduction sum: a suspicion where one batch is not fitted, else a remark; silent on divided sums."""

from tests.rules.steps import base, objective, optimizer
from torchladder.core.facts import Facts
from torchladder.core.findings import Severity, Standing
from torchladder.core.step_facts import ScalerFact
from torchladder.rules.loss.loss_reduction_sum import loss_reduction_sum as rule_


def judge(*rows, trials=()):
    return rule_.judge(Facts(objectives=rows, trials=trials))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_a_sum_that_breaks_the_batch_is_suspected_and_one_that_trains_is_a_remark():
    """The experiment decides whether the factor matters."""
    (suspected,) = judge(objective(reductions=("sum",)), trials=(base(passed=False),))
    (remark,) = judge(objective(reductions=("sum",)), trials=(base(passed=True),))

    assert suspected.standing is Standing.SUSPECTED
    assert suspected.fixes[0].change.args == {"phase": 0, "factor": 1 / 32}
    assert remark.severity is Severity.NOTE


def test_silent_on_divided_sums_and_means():
    """A sum over the batch size is a mean; a batch of one is no sum."""
    assert judge(objective(reductions=("sum",), scale=1 / 32)) == []
    assert judge(objective()) == []
    assert judge(objective(reductions=("sum",), elements=1.0)) == []
    assert judge(objective(reductions=("sum", "sum"), losses=(None, None))) == []


def test_silent_where_the_factor_does_not_matter():
    """Adam divides it out, as long as one batch is fitted."""
    adam = optimizer(type="Adam", groups=({"lr": 1e-3, "betas": (0.9, 0.999)},))
    known = {"objectives": (objective(reductions=("sum",)),), "optimizers": (adam,)}

    assert rule_.judge(Facts(**known, trials=(base(passed=True),))) == []
    assert len(rule_.judge(Facts(**known, trials=(base(passed=False),))) or []) == 1


def test_a_sum_that_a_scaler_multiplies_is_still_a_sum():
    """What the scaler takes back before the step is no division."""
    scaled = Facts(
        objectives=(objective(reductions=("sum",), scale=1024.0),), scalers=(ScalerFact(None, first=1024.0),)
    )

    assert len(rule_.judge(scaled) or []) == 1
    assert judge(objective(reductions=("sum",), scale=1024.0)) == []
