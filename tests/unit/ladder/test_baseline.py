"""The yardsticks of rung 2, from facts made by hand."""

import math
from typing import Any

import pytest

from torchladder.core.facts import CurveFact, Facts, LoaderFact, LossCallFact, RootFact, TensorFact
from torchladder.core.report import State
from torchladder.ladder import rungs
from torchladder.ladder.baseline import balance, baseline, counted, entropy, majority, terms


def call(
    function: str, target: TensorFact, *, shape: tuple[int, ...], value: float | None = 1.0, **more: Any
) -> LossCallFact:
    scores = TensorFact(shape, "float32", min=-1.0, max=1.0, mean=0.0, std=1.0)
    more.setdefault("n_outputs", shape[1] if len(shape) > 1 else 1)
    return LossCallFact(function, 0, 0, None, scores, target, value, **more)


def classes(k: int, counts: dict[str, int] | None = None, **more: Any) -> LossCallFact:
    counts = counts or {str(i): 2 for i in range(k)}
    n = sum(counts.values())
    target = TensorFact((n,), "int64", min=0.0, max=k - 1.0, mean=1.0, std=1.0, integral=True)
    function = more.pop("function", "cross_entropy")
    return call(function, target, shape=(n, k), label_counts=counts, **more)


def values(function: str, *, mean: float = 0.5, std: float = 0.5, integral: bool = True, **more: Any) -> LossCallFact:
    shape = more.pop("shape", (32, 1))
    target = TensorFact(shape, "float32", min=0.0, max=1.0, mean=mean, std=std, integral=integral)
    return call(function, target, shape=shape, **more)


@pytest.mark.parametrize(("k", "expected"), [(2, 0.693), (10, 2.303), (37, 3.611), (1000, 6.908)])
@pytest.mark.parametrize("function", ["cross_entropy", "nll_loss"])
def test_chance_of_k_classes_is_ln_k(function: str, k: int, expected: float) -> None:
    """Spreading the answer evenly over K classes costs ln K."""
    found = baseline(classes(k, function=function), {})

    assert expected == pytest.approx(found.chance, abs=1e-3)
    assert f"ln {k}" == found.words


def test_class_weights_leave_chance_where_it_is() -> None:
    """The mean is divided by the summed weights."""
    found = baseline(classes(4, options={"weight": True, "class_weights": [1.0, 2.0, 3.0, 4.0]}), {"0": 1, "1": 9})

    assert math.log(4) == pytest.approx(found.chance)
    assert found.blind is None


@pytest.mark.parametrize("function", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_chance_of_a_coin_is_ln_2(function: str) -> None:
    """One or many binary outputs: ln 2 for each."""
    single, many = baseline(values(function, mean=0.1), {}), baseline(values(function, shape=(32, 14), mean=0.1), {})

    assert math.log(2) == pytest.approx(single.chance)
    assert math.log(2) == pytest.approx(many.chance)
    assert pytest.approx(0.3251, abs=1e-4) == single.blind
    assert many.blind is None, "how unbalanced each label is cannot be told from all of them together"


def test_a_weighted_coin_has_no_simple_chance() -> None:
    """With pos_weight ln 2 is not the yardstick."""
    found = baseline(values("binary_cross_entropy_with_logits", options={"pos_weight": True}), {})

    assert found.chance is None


def test_the_mean_predictor_pays_the_variance() -> None:
    """For squared errors."""
    found = baseline(values("mse_loss", std=3.0), {})

    assert (9.0, 9.0) == (found.chance, found.blind)


def test_absolute_errors_name_the_spread() -> None:
    """The median's loss is not known from moments, so none is claimed."""
    found = baseline(values("l1_loss", std=3.0), {})

    assert found.chance is None
    assert found.notes == ("the targets' standard deviation is 3",)


def test_a_sum_is_divided_by_its_terms() -> None:
    """Labels for classes, by their weight; values for the rest."""
    summed = classes(10, {str(i): 3 for i in range(10)}, value=69.0, options={"reduction": "sum"})
    weighted = classes(2, {"0": 3, "1": 1}, options={"reduction": "sum", "class_weights": [1.0, 5.0]})

    assert baseline(summed, {}).loss == pytest.approx(2.3)
    assert terms(weighted) == 8
    assert terms(values("mse_loss", shape=(32, 4))) == 128


def test_an_unreduced_loss_is_taken_from_the_differentiated_scalar() -> None:
    """What the program made of it is said to be its own."""
    found = baseline(classes(10, value=None), {}, CurveFact(0, (2.31, 2.2)))

    assert (2.31, "as the program itself reduced it") == (found.loss, found.how)


def test_label_smoothing_has_a_floor() -> None:
    """0.1 over 10 classes leaves 0.5003 nats."""
    found = baseline(classes(10, options={"label_smoothing": 0.1}), {})

    assert found.floor == pytest.approx(0.5003, abs=1e-3)
    assert found.chance == pytest.approx(math.log(10))


def test_soft_targets_that_sum_to_one_have_chance_and_no_known_floor() -> None:
    """Mixup and distillation."""
    target = TensorFact((32, 10), "float32", min=0.0, max=1.0, mean=0.1, std=0.3, row_sum=1.0, row_sum_spread=0.0)
    found = baseline(call("cross_entropy", target, shape=(32, 10)), {})

    assert found.chance == pytest.approx(math.log(10))
    assert found.floor is None
    assert "soft" in found.notes[0]


def test_the_label_that_is_left_out_is_not_counted() -> None:
    """Padding is no class."""
    padded = classes(4, {"-100": 90, "0": 5, "3": 5})

    assert counted(padded.label_counts or {}, padded) == {"0": 5, "3": 5}
    assert majority(padded, padded.label_counts or {}) == 0.5
    assert terms(padded) == 10


def test_entropy_and_balance_of_counts() -> None:
    """A fair coin, a certainty, and nothing."""
    assert entropy({"0": 5, "1": 5}) == pytest.approx(math.log(2))
    assert entropy({"0": 5}) == 0
    assert entropy({}) == 0
    assert balance({"0": 9, "1": 3}) == 3


def test_majority_of_binary_targets_is_the_more_frequent_half() -> None:
    """Also where the targets are floats."""
    assert majority(values("binary_cross_entropy", mean=0.2), {}) == 0.8
    assert majority(values("mse_loss", mean=0.2), {}) is None


def test_the_line_of_an_unbalanced_problem_names_what_frequencies_alone_give() -> None:
    """Chance is not the yardstick once the classes are unbalanced."""
    counts = {"0": 90, "1": 5, "2": 5}
    state, line, figures = rungs.baseline_line(Facts(loss_calls=(classes(3, counts, value=1.099),)))

    assert (
        State.PASSED,
        "loss at step 0 is 1.10; chance is 1.099 = ln 3; majority class 90.0%, the label frequencies alone give 0.394",
    ) == (state, line)
    assert figures["prior_entropy"] == pytest.approx(0.394, abs=1e-3)


def test_the_model_is_among_the_figures_of_rung_2() -> None:
    """Parameters, trainable share, shapes."""
    x, out = TensorFact((32, 4), "float32"), TensorFact((32, 3), "float32")
    root = RootFact("Net", "Net", 0, 200, 50, (x,), out)

    assert rungs.model_figures(Facts(roots=(root,))) == {
        "model": "Net", "parameters": 200, "trainable_share": 0.25, "input_shape": [32, 4], "output_shape": [32, 3],
    }  # fmt: skip


def test_rung_1_states_balance_order_and_contract() -> None:
    """Figures for programs, words for people."""
    x = TensorFact((32, 1, 8, 8), "float64", min=0.0, max=1.0, mean=0.3, std=0.4)
    loader = LoaderFact(0, "train", None, "TensorDataset", 1000, 32, 32, "sequential", False, 0, 1, 8)
    root = RootFact("Net", "Net", 0, 200, 200, (x,), None)
    facts = Facts(roots=(root,), loaders=(loader,), loss_calls=(classes(3, {"0": 90, "1": 5, "2": 5}),))
    line, figures = rungs.data_line(facts)

    assert line == "1,000 x [1, 8, 8] float64, range 0 to 1, 3 classes seen, unbalanced (18.0 : 1), not shuffled"
    assert (18.0, False) == (figures["label_ratio"], figures["shuffled"])
    assert (False, True, "int64") == (
        figures["x_dtype_as_expected"], figures["y_dtype_as_expected"], figures["y_dtype_expected"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"), [(2.304, "2.30"), (0.0293, "0.0293"), (123.4, "123"), (1e-7, "1.00e-07")]
)
def test_losses_have_three_digits(value: float, expected: str) -> None:
    """Zeros at the end are digits too."""
    assert expected == rungs.digits(value)
