"""Training too short: a remark on runs that end while their loss falls."""

from torchladder.core.facts import CurveFact, Facts, LoaderFact, ProgramFact
from torchladder.core.findings import Severity
from torchladder.rules.loop.training_too_short import training_too_short as rule_

FALLING = tuple(2.3 - 0.01 * i for i in range(200))
FLAT = tuple(2.3 * 0.95**i + 0.2 for i in range(200))


def judge(losses, state="ended", loaders=(), phases=1):
    curves = tuple(CurveFact(i, losses) for i in range(phases))
    return rule_.judge(Facts(curves=curves, program=ProgramFact(state), loaders=loaders))


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_a_run_that_ends_while_its_loss_falls_is_remarked():
    """Steadily to the end, and not yet near nothing."""
    (found,) = judge(FALLING)

    assert found.severity is Severity.NOTE


def test_silent_on_flat_ends_short_and_unfinished_runs():
    """A plateau, few steps, a run that was stopped or cut short, several phases."""
    cut = LoaderFact(0, "train", None, "TensorDataset", 1000, 10, 100, "random", False, 0, iters=10, served=200)
    assert judge(FLAT) == []
    assert judge(FALLING[:50]) == []
    assert judge(FALLING, state="stopped") == []
    assert judge(FALLING, loaders=(cut,)) == []
    assert judge(FALLING, phases=2) == []
