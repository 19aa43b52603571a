"""Scheduler misuse: fires on schedules at the wrong pace, is silent on those that fit their run."""

from torchladder.core.facts import CurveFact, ErrorFact, Facts, OptimizerFact, ProgramFact
from torchladder.core.findings import Place, Severity
from torchladder.core.schedule_facts import PlanFact, ScheduleFact
from torchladder.core.step_facts import ScalerFact
from torchladder.rules.loop.scheduler_misuse import scheduler_misuse as rule_


def optimizer(**parts):
    known = {"id": 1, "phase": 0, "type": "SGD", "created": Place("train.py", 8), "n_tensors": 4}
    known |= {"n_reached": 4, "n_registered": 4, "groups": ({"lr": 0.1},), "lr_min": 1e-3, "lr_max": 0.1}
    known |= {"scheduled": True, "zero_grad_places": (), "step_places": (Place("train.py", 12),)}
    known |= {"backward_places": (Place("train.py", 11),), "zero_grads": 20, "steps": 200, "dense_steps": 8}
    known |= {"carried_steps": 0, "backwards_per_step": 1.0, "empty_steps": 0, "gradless_steps": 0}
    return OptimizerFact(**{**known, **parts})


def plan(**parts):
    known = {"calls": 2000, "peak": 0.1, "rises_at": 0, "gone_at": None, "zero_at": None}
    known |= {"reached": 1.0, "ends": 0.0, "reached_by_step": 1.0, "ends_by_step": 0.0}
    return PlanFact(**{**known, **parts})


def schedule(**parts):
    """Ten passes of twenty steps, stepped every step."""
    known = {"phase": 0, "type": "CosineAnnealingLR", "created": Place("train.py", 9), "handed": None}
    known |= {"step_places": (Place("train.py", 14),), "numbers": {}, "horizon": 200, "calls": 200, "steps": 200}
    known |= {"early_calls": 0, "gap": 1.0, "hurried_gap": None, "pass_steps": 20.0, "passes": 10, "hurried": False}
    return ScheduleFact(**{**known, "plan": plan(), **parts})


def judge(*schedules, state="ended", curve=(), error=None, **parts):
    program = ProgramFact(state, error=error)
    made = (optimizer(**parts),)
    return rule_.judge(Facts(schedules=schedules, optimizers=made, program=program, curves=(CurveFact(0, curve),)))


BY_EPOCH = {"calls": 10, "gap": 20.0}


def test_without_facts_it_does_not_know():
    """Not having looked is not the same as having found nothing."""
    assert rule_.judge(Facts()) is None


def test_numbers_of_epochs_spent_on_batches_are_found():
    """A decay that is over within the first pass, or a cosine that goes up and down in it."""
    (gone,) = judge(schedule(type="StepLR", horizon=3, plan=plan(gone_at=9)))
    (waves,) = judge(schedule(horizon=5))

    assert gone.severity is Severity.ERROR
    assert gone.fixes[0].change.args == {"phase": 0, "every": 20}
    assert waves.severity is Severity.WARNING
    assert [p.line for p in waves.where] == [9, 14]


def test_numbers_of_steps_spent_on_epochs_are_found():
    """A one-cycle that never gets to its peak, a cosine that never falls; the hand-over is named in Lightning."""
    never = plan(rises_at=40, reached=0.07, ends=0.07)
    (cycle,) = judge(schedule(type="OneCycleLR", plan=never, handed=Place("train.py", 10), **BY_EPOCH))
    (flat,) = judge(schedule(plan=plan(ends=0.99), **BY_EPOCH))
    (unended,) = judge(schedule(type="OneCycleLR", plan=never, **BY_EPOCH), state="stopped")

    assert cycle.severity is Severity.ERROR
    assert [p.line for p in cycle.where] == [9, 10]
    assert cycle.fixes[0].change.args == {"phase": 0}
    assert flat.severity is Severity.WARNING
    assert unended.severity is Severity.ERROR


def test_a_plan_that_is_over_long_before_the_run_is_found():
    """Linear decay over half of the run; a one-cycle stepped beyond its end."""
    (early,) = judge(schedule(type="LambdaLR", horizon=100, plan=plan(zero_at=100)))
    error = ErrorFact("ValueError", "Tried to step 11 times. The specified number of total steps is 10", "")
    over = schedule(type="OneCycleLR", horizon=10, calls=11, steps=11)
    (crashed,) = judge(over, state="crashed", error=error)

    assert early.fixes[0].change.args["every"] == 2
    assert crashed.severity is Severity.ERROR


def test_never_stepped_and_stepped_first_are_found():
    """A scheduler that is left alone, and one that goes before its optimizer."""
    (never,) = judge(schedule(calls=0, gap=None, step_places=()), lr_min=0.1)
    (early,) = judge(schedule(early_calls=1))

    assert "never stepped" in never.message
    assert "before" in early.message


def test_a_plateau_that_watches_the_wrong_way_is_found():
    """Accuracy in mode "min"; patience in epochs spent on batches."""
    falling = tuple(2.0 - 0.005 * i for i in range(200))
    accuracy = (0.3, 0.5, 0.6, 0.65, 0.7, 0.72)
    plateau = {"type": "ReduceLROnPlateau", "plan": None, "horizon": None}
    (wrong,) = judge(schedule(numbers={"mode": "min"}, metrics=accuracy, **plateau, **BY_EPOCH), curve=falling)
    (batch,) = judge(schedule(numbers={"mode": "min", "patience": 2}, **plateau), lr_min=1e-6)

    assert wrong.fixes[0].change.args == {"mode": "max"}
    assert "patience 2" in batch.message


def test_silent_on_schedules_that_fit():
    """Per step in steps, per epoch in epochs, warm restarts, early ends, several passes before the decay."""
    assert judge(schedule()) == []
    assert judge(schedule(horizon=10, plan=plan(ends=0.0), **BY_EPOCH)) == []
    assert judge(schedule(type="CosineAnnealingWarmRestarts", horizon=None, plan=plan(ends=1.0))) == []
    assert judge(schedule(type="OneCycleLR", horizon=400, plan=plan(reached=1.0, ends=0.6)), state="stopped") == []
    assert judge(schedule(type="StepLR", horizon=60, plan=plan(gone_at=190))) == []


def test_silent_on_a_loop_by_step_whose_passes_mean_nothing():
    """A decay that ends with the run, however long a pass would have been."""
    assert judge(schedule(horizon=200, plan=plan(gone_at=199), pass_steps=5000.0, passes=1)) == []


def test_silent_on_resumed_inner_and_scaled_runs():
    """Catching up after a resume, schedulers within schedulers, a scaler that leaves steps out."""
    assert judge(schedule(early_calls=5)) == []
    assert judge(schedule(horizon=5, inner=True)) == []
    facts = Facts(
        schedules=(schedule(early_calls=1),), optimizers=(optimizer(),), scalers=(ScalerFact(None, steps=200),)
    )
    assert rule_.judge(facts) == []


def test_silent_on_a_validation_loss_that_rises_and_on_a_rate_of_zero():
    """Overfitting is what a plateau is for; a rate that never left 0 has another name."""
    falling = tuple(2.0 - 0.005 * i for i in range(200))
    plateau = {"type": "ReduceLROnPlateau", "plan": None, "horizon": None, "numbers": {"mode": "min"}}
    overfitting = (0.9, 0.6, 0.5, 0.55, 0.6, 0.7)
    assert judge(schedule(metrics=overfitting, **plateau, **BY_EPOCH), curve=falling) == []
    assert judge(schedule(calls=0, gap=None), lr_max=0.0, lr_min=0.0) == []


def test_silent_where_the_run_is_not_known_to_its_end():
    """A scheduler that may still be stepped."""
    assert judge(schedule(calls=0, gap=None), state="stopped", lr_min=0.1) == []
