"""The course of a run from hand-written curves; the first four are the textbook's exercise."""

import dataclasses
import math
from typing import Any

import pytest

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import CurveFact, Facts, LossCallFact, TensorFact
from torchladder.core.trial_facts import TrialFact
from torchladder.rules.outcome.course import course, stage
from torchladder.rules.outcome.held_out import beats_blind, held_out, series

STEPS = 400


def falling(start: float, end: float, n: int = STEPS) -> tuple[float, ...]:
    return tuple(end + (start - end) * math.exp(-6 * i / n) for i in range(n))


def passes(losses: list[float], **more) -> tuple[EvaluationFact, ...]:
    every = STEPS // len(losses)
    return tuple(
        EvaluationFact(
            i, (i + 1) * every, 0, "Net", None, 4, 400, loss=v, loss_function="cross_entropy", data=1, **more
        )
        for i, v in enumerate(losses)
    )


def classes(k: int = 10) -> LossCallFact:
    target = TensorFact((100,), "int64")
    counts = {str(i): 10 for i in range(k)}
    return LossCallFact("cross_entropy", 0, 0, None, TensorFact((100, k), "float32"), target, 2.3, label_counts=counts)


def facts(losses, held=(), call: LossCallFact | None = None) -> Facts:
    return Facts(curves=(CurveFact(0, tuple(losses)),), evaluations=tuple(held), loss_calls=(call or classes(),))


def test_training_falls_while_held_out_rises() -> None:
    """Exercise (a): train to 0.01, validation 0.4 and then up to 0.8."""
    found = course(facts(falling(2.3, 0.01), passes([0.9, 0.5, 0.4, 0.5, 0.65, 0.8])))

    assert ("overfitting", 198) == (found.state, found.best_step)


def test_both_flat_at_chance() -> None:
    """Exercise (b): 2.30 from step 0, ten classes."""
    assert "not-learning" == course(facts([2.303, 2.301] * 200, passes([2.303] * 5))).state


def test_both_fall_together() -> None:
    """Exercise (c): 0.30 and 0.35."""
    assert "healthy" == course(facts(falling(2.3, 0.30), passes([1.0, 0.6, 0.45, 0.38, 0.35]))).state


def test_both_high_and_still_falling() -> None:
    """Exercise (d): both 1.8."""
    assert "underfitting" == course(facts(falling(2.3, 1.8), passes([2.1, 1.95, 1.88, 1.83, 1.81]))).state


def test_nan_is_divergence() -> None:
    """Whatever came before."""
    assert "diverged" == course(facts([*falling(2.3, 0.3), *[math.nan] * 40])).state


def test_a_swinging_loss() -> None:
    """Means over a twentieth of the run that go up and down by half."""
    losses = [1.0 if (i // 20) % 2 else 0.4 for i in range(STEPS)]

    assert "oscillating" == course(facts(losses)).state


def test_noise_within_batches_is_no_oscillation() -> None:
    """Single steps differ, their means do not."""
    losses = [v * (1.5 if i % 2 else 0.5) for i, v in enumerate(falling(2.3, 0.3))]

    assert "healthy" == course(facts(losses)).state


def test_one_bad_pass_is_no_turn() -> None:
    """The held-out loss of a single epoch says little."""
    assert "healthy" == course(facts(falling(2.3, 0.1), passes([0.9, 0.5, 0.4, 0.35, 0.8]))).state


def test_a_few_steps_have_no_course() -> None:
    """Not looked long enough."""
    assert "unknown" == course(facts([2.3] * 10)).state


def test_another_loss_function_begins_another_stage() -> None:
    """Pre-training by reconstruction and fine-tuning by classes are not one curve."""
    early = passes([0.05, 0.04], train_function="mse_loss")
    late = passes([1.4, 1.3, 1.2], train_function="cross_entropy")
    late = tuple(EvaluationFact(**{**_row(e), "step": e.step + 400}) for e in late)

    assert 400 == stage((*early, *late))


def _row(e: EvaluationFact) -> dict[str, Any]:
    return {name: getattr(e, name) for name in EvaluationFact.__slots__}


@pytest.mark.parametrize("left_out", [{"loader_trained": True}, {"data_trained": True}, {"feeds_training": True}])
def test_what_is_trained_on_or_feeds_training_is_not_held_out(left_out) -> None:
    """Only passes over other data say how the model generalises."""
    assert () == held_out(passes([1.0, 0.5], **left_out))


def test_sets_are_told_apart() -> None:
    """The set that is evaluated most often is the validation set; a last test set is another."""
    val = passes([1.0, 0.5, 0.4])
    test = tuple(EvaluationFact(**{**_row(e), "data": 2}) for e in passes([0.6]))

    assert [3, 1] == [len(s) for s in series((*val, *test))]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"kind": "classes", "accuracy": 0.5, "majority": 0.1}, True),
        ({"kind": "classes", "accuracy": 0.12, "majority": 0.1}, False),
        ({"kind": "classes", "accuracy": 0.88, "majority": 0.9, "loss": 0.2, "blind": 0.325}, True),
        ({"kind": "values", "error": 0.5, "blind": 1.0}, True),
        ({"kind": "values", "error": 1.1, "blind": 1.0}, False),
        ({}, None),
    ],
)
def test_beating_the_blind_answer(row, verdict) -> None:
    """Accuracy or likelihood may show it; neither known is not known."""
    made = {"loss_function": "cross_entropy", **row}

    assert verdict is beats_blind(EvaluationFact(0, 1, 0, "Net", None, 1, 400, **made))


def test_a_game_of_two_has_no_course() -> None:
    """Where optimizers take turns with losses of their own, standing still is no failure."""
    still = facts([2.303, 2.301] * 300)
    turns = TrialFact("base", 0, (2.3, 2.3), passed=None, reason="", turns=9)

    assert course(still).state == "not-learning"
    assert course(dataclasses.replace(still, trials=(turns,))).state == "unknown"


def live(losses, held, **more) -> Facts:
    """A run that was watched: nobody saw how its loss was computed."""
    blind = {"kind": "classes", "blind": math.log(10), "majority": 0.1} | more
    return Facts(
        curves=(CurveFact(0, tuple(losses)),),
        loss_calls=(),
        evaluations=tuple(dataclasses.replace(e, **blind) for e in held),
    )


def test_held_out_labels_tell_where_blind_guessing_stands() -> None:
    """Both flat at the entropy of the labels; both high and still falling."""
    flat = live([2.303, 2.301] * 200, passes([2.303] * 5), accuracy=0.1)
    high = live(falling(2.3, 1.8), passes([2.1, 1.95, 1.88, 1.83, 1.81]), accuracy=0.3)

    assert ["not-learning", "underfitting"] == [course(flat).state, course(high).state]


@pytest.mark.parametrize(
    ("losses", "held", "more"),
    [
        (falling(23.0, 18.0), [2.1, 1.95, 1.88, 1.83, 1.81], {}),  # scaled by ten
        ([2.303, 2.301] * 200, [2.303] * 5, {"loss_function": "mse_loss"}),
        ([2.303, 2.301] * 200, [2.303] * 5, {"kind": "values"}),
        ([2.303, 2.301] * 200, [2.303] * 5, {"blind": None}),
        ([2.303, 2.301] * 200, [2.303] * 5, {"loader_trained": True}),
    ],
)
def test_losses_of_another_scale_or_kind_tell_nothing(losses, held, more) -> None:
    """Then it stays unknown where blind guessing stands."""
    assert course(live(losses, passes(held), accuracy=0.1, **more)).state == "healthy"


def test_a_thinned_curve_counts_all_steps() -> None:
    """Of a long run every 32nd loss is kept."""
    kept = CurveFact(0, falling(2.3, 0.3), stride=32)

    assert course(Facts(curves=(kept,), evaluations=(), loss_calls=())).steps == 32 * STEPS
