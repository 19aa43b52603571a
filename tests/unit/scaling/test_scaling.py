"""Scaling laws against numbers that are known, and the reasons for which they are refused."""

import math

import numpy as np
import pytest

from torchladder.scaling import Curve, Law, NotFitted, Run, Term, allocate, check, fit, predict
from torchladder.scaling.allocation import optimum
from torchladder.scaling.solve import Problem

# The law of Chinchilla as fitted anew by Besiroglu et al., 2024.
CHINCHILLA = Curve(1.8172, (Term("parameters", 482.01, 0.3478), Term("samples", 2085.43, 0.3658)))
DATA = Curve(0.3, (Term("samples", 50.0, 0.6),))


def joint_runs(noise: float = 0.003) -> list[Run]:
    """Return 100 runs of ten models on ten amounts of data."""
    rng = np.random.default_rng(0)
    return [
        Run(CHINCHILLA.loss(parameters=n, samples=d) * math.exp(noise * rng.standard_normal()), d, n)
        for n in np.geomspace(5e7, 1.6e10, 10)
        for d in np.geomspace(1e9, 5e11, 10)
    ]


def data_runs(*sizes: float, noise: float = 0.0) -> list[Run]:
    """Return one run for each number of samples."""
    rng = np.random.default_rng(1)
    return [Run(DATA.loss(samples=d) * math.exp(noise * rng.standard_normal()), d) for d in sizes]


@pytest.fixture(scope="module")
def joint():
    """Return the joint fit, which several tests look at."""
    return fit(joint_runs(), Law.JOINT, draws=40)


def test_the_published_law_is_found_again(joint) -> None:
    """From noisy points each number comes back within its own interval's reach."""
    model, data = joint.curve.terms

    assert joint.curve.floor == pytest.approx(1.8172, abs=0.03)
    assert model.exponent == pytest.approx(0.3478, abs=0.02)
    assert data.exponent == pytest.approx(0.3658, abs=0.02)
    assert 1.8172 in joint.floor(0.99)
    assert 0.3658 in joint.exponent("samples", 0.99)


def test_without_noise_a_law_is_found_exactly() -> None:
    """Six sizes fix three numbers."""
    found = fit(data_runs(50, 100, 200, 400, 800, 1600), Law.SAMPLES, draws=5)

    assert found.curve.floor == pytest.approx(0.3, rel=1e-3)
    assert found.curve.terms[0].exponent == pytest.approx(0.6, rel=1e-3)
    assert found.scatter < 1e-4


def test_the_law_of_parameters_is_fitted_likewise() -> None:
    """The name of the size is all that differs."""
    runs = [Run(r.loss, parameters=r.samples) for r in data_runs(50, 100, 200, 400, 800)]

    assert fit(runs, Law.PARAMETERS, draws=2).curve.terms[0].size == "parameters"


def test_one_wild_run_does_not_bend_the_law() -> None:
    """The Huber loss counts a large residual in proportion, not squared."""
    runs = data_runs(50, 100, 200, 400, 800, 1600, 3200)
    runs[3] = Run(1.2 * runs[3].loss, 400)
    found = fit(runs, Law.SAMPLES, draws=2)

    assert found.curve.loss(samples=6400) == pytest.approx(DATA.loss(samples=6400), rel=0.02)


def test_the_gradient_is_that_of_the_objective() -> None:
    """Against central differences, inside and outside the quadratic part."""
    problem = Problem(np.array([[50.0, 2.0], [100.0, 3.0], [400.0, 9.0]]), np.array([3.0, 2.0, 1.0]), 0.1)
    theta = np.array([-0.5, 0.2, 0.1, 0.4, 0.7])
    _, gradient = problem.objective(theta)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-6
        slope = (problem.objective(theta + step)[0] - problem.objective(theta - step)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-4)


def test_a_prediction_covers_the_truth() -> None:
    """The interval holds twice the largest size's loss, and widens with the scatter that is known of."""
    runs = data_runs(50, 100, 200, 400, 800, 1600, noise=0.01)
    narrow = predict(fit(runs, Law.SAMPLES, draws=60), samples=3200)
    wide = predict(fit(runs, Law.SAMPLES, draws=60, scatter_least=0.05), samples=3200)

    assert DATA.loss(samples=3200) in narrow
    assert wide.high / wide.low > narrow.high / narrow.low


def test_a_prediction_too_wide_is_refused() -> None:
    """Five noisy sizes say nothing about a hundred times as many samples."""
    found = fit(data_runs(50, 100, 200, 400, 800, noise=0.2), Law.SAMPLES, draws=40)

    with pytest.raises(NotFitted, match="too wide"):
        predict(found, samples=80_000, widest=1.1)


def test_the_largest_runs_are_foretold_by_the_others(joint) -> None:
    """The published law predicts its own largest runs; a fault at full size lies outside."""
    runs = data_runs(50, 100, 200, 400, 800, 1600, 3200, noise=0.003)
    fine = check(runs, Law.SAMPLES, held_out=1, draws=60)
    odd = check([*runs[:-1], Run(1.5 * runs[-1].loss, 3200)], Law.SAMPLES, held_out=1, draws=60)

    assert fine.holds
    assert fine.worst < 0.05
    assert not odd.holds
    assert odd.predicted[0].error == pytest.approx(0.5, abs=0.1)


def test_a_budget_is_spent_best_at_the_optimum(joint) -> None:
    """No other split of the same compute has a smaller loss, and all of it is spent."""
    n, d, loss = optimum(CHINCHILLA, 5.76e23)

    assert 6 * n * d == pytest.approx(5.76e23)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert CHINCHILLA.loss(parameters=factor * n, samples=d / factor) > loss
    found = allocate(joint, 5.76e23)
    assert found.parameters.middle == pytest.approx(n, rel=0.2)
    assert found.samples.low < found.samples.middle < found.samples.high


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (data_runs(50, 100, 200), "3 sizes are too few"),
        (data_runs(100, 100, 100, 200, 200, 400), "3 sizes are too few"),
        (data_runs(100, 110, 120, 130, 140), "span a factor"),
        ([Run(1.0 + d, d) for d in (1.0, 2.0, 4.0, 8.0, 16.0)], "does not fall steadily"),
        ([Run(v, d) for v, d in ((9, 1), (2, 2), (8, 4), (1, 8), (0.9, 16))], "does not fall steadily"),
        ([*data_runs(50, 100, 200, 400), Run(math.nan, 800)], "finite and above 0"),
        ([*data_runs(50, 100, 200, 400), Run(0.0, 800)], "finite and above 0"),
        ([*data_runs(50, 100, 200, 400), Run(1.0, math.inf)], "finite and above 0"),
        ([*data_runs(50, 100, 200, 400), Run(1.0)], "without samples"),
    ],
)
def test_runs_that_carry_no_law_are_refused(runs, why) -> None:
    """With a reason, never with a number."""
    with pytest.raises(NotFitted, match=why):
        fit(runs, Law.SAMPLES, draws=2)


def test_what_cannot_be_allocated_is_refused(joint) -> None:
    """A law of the data alone has nothing to trade; a budget is a positive number."""
    single = fit(data_runs(50, 100, 200, 400, 800), Law.SAMPLES, draws=2)

    with pytest.raises(NotFitted, match="law of both"):
        allocate(single, 1e20)
    with pytest.raises(NotFitted, match="finite and above 0"):
        allocate(joint, math.nan)
    with pytest.raises(NotFitted, match="does not fall"):
        optimum(Curve(1.0, (Term("parameters", 1.0, 0.0), Term("samples", 1.0, 0.5))), 1e20)


def test_a_law_asked_for_a_size_it_was_not_given_refuses() -> None:
    """A joint law needs both."""
    with pytest.raises(NotFitted, match="number of parameters"):
        CHINCHILLA.loss(samples=1e9)


def test_no_runs_left_to_foretell_is_refused() -> None:
    """All of them cannot be left out."""
    with pytest.raises(NotFitted, match="cannot be left out"):
        check(data_runs(50, 100), Law.SAMPLES, held_out=2)
