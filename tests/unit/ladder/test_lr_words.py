"""Which evaluations count as held out, and rung 5 in words, from rows made by hand."""

import math

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts, LoaderFact, OptimizerFact
from torchladder.core.findings import Place
from torchladder.ladder.lr import Outcome, own_rate
from torchladder.ladder.lr_check import passes
from torchladder.ladder.lr_words import line, notes
from torchladder.ladder.rate_trials import HELD_LOSS, Choice, Comparison

VALID, TRAIN = Place("train.py", 40), Place("train.py", 30)


def evaluation(step: int, loss: float, **more: object) -> EvaluationFact:
    """One pass over a validation loader."""
    values = {"index": step, "phase": 0, "root": "Net", "place": VALID, "calls": 2, "rows": 100, **more}
    return EvaluationFact(step=step, loss=loss, accuracy=1 - loss, **values)


def optimizer(kind: str = "Adam", steps: int = 300, lr_max: float = 1e-3, **group: float) -> OptimizerFact:
    """An optimizer with one group."""
    return OptimizerFact(
        id=0, phase=0, type=kind, created=None, n_tensors=4, n_reached=4, n_registered=4,
        groups=({"lr": lr_max, **group},), lr_min=lr_max, lr_max=lr_max, scheduled=False, zero_grad_places=(),
        step_places=(), backward_places=(), zero_grads=steps, steps=steps, dense_steps=8, carried_steps=0,
        backwards_per_step=1.0, empty_steps=0, gradless_steps=0,
    )  # fmt: skip


def outcome(own: float, values: dict[float, float], *, whole: bool = True, step: int = 300) -> Outcome:
    """Runs that were compared by their held-out loss, from 2.3 down."""
    compared = Comparison(HELD_LOSS, step, values, 0.01, 2.3)
    best = compared.best
    return Outcome(own, choice=Choice(best, best, best, comparison=compared), rule="the steepest descent", whole=whole)


def test_only_held_out_passes_count() -> None:
    """Passes over training data, before training, of a hurried run or a later phase are left out."""
    rows = [
        evaluation(0, 2.3),
        evaluation(10, 0.1, loader_trained=True, place=TRAIN),
        evaluation(10, 0.5),
        evaluation(20, 0.1, data_trained=True, place=TRAIN),
        evaluation(20, 0.4),
        evaluation(30, 0.2, hurried=True),
        evaluation(40, 0.2, phase=1),
    ]
    losses, right = passes(rows)

    assert ((10.0, 0.5), (20.0, 0.4)) == losses
    assert ((10.0, 0.5), (20.0, 0.6)) == right


def test_the_own_rate_is_that_of_the_height_of_the_schedule() -> None:
    """The peak of a one-cycle, the base of other schedules, the rate in use where a schedule leaves no trace."""
    assert 1e-2 == own_rate(Facts(optimizers=(optimizer(lr_max=4e-4, max_lr=1e-2, steps=50),)))
    assert 1e-3 == own_rate(Facts(optimizers=(optimizer(lr_max=5e-4, initial_lr=1e-3),)))
    assert 3e-4 == own_rate(Facts(optimizers=(optimizer(lr_max=3e-4),)))
    assert 2e-3 == own_rate(Facts(optimizers=(optimizer(lr_max=2e-3, initial_lr=1.0),))), "small factors on purpose"


def test_a_rate_that_learns_far_less_is_warned_of() -> None:
    """More than three times less learned in whole runs is a warning; two times less is none."""
    assert any("learns 4.5 times less" in n for n in notes(outcome(1e-5, {1e-5: 1.9, 1e-3: 0.5}), Facts(), None))
    assert not any("warning" in n for n in notes(outcome(1e-5, {1e-5: 1.4, 1e-3: 0.5}), Facts(), None))


def test_a_short_run_warns_of_divergence_only() -> None:
    """What is slow in the first steps may be right in the end; a loss that is no number is not."""
    short = outcome(1e-5, {1e-5: 2.2, 1e-3: 0.5}, whole=False, step=60)
    assert not any("warning" in n for n in notes(short, Facts(), None))
    broken = outcome(1.0, {1.0: math.inf, 1e-3: 0.5}, whole=False, step=60)
    assert any("at the program's own 1 the loss diverges" in n for n in notes(broken, Facts(), None))


def test_lines() -> None:
    """A number with the rule that gave it, a range, the own rate confirmed, a refusal."""
    values = {1e-4: 1.0, 1e-3: 0.5, 1e-2: 1.0}
    assert "0.001 (the steepest descent): held-out loss 0.500, 1.00 at the program's own 0.0001" == line(
        outcome(1e-4, values)
    )
    assert line(outcome(1e-3, values)).startswith("the program's own 0.001 does best")
    wide = Outcome(1e-3, choice=Choice(None, 1e-4, 1e-2))
    assert "anything from 0.0001 to 0.01 does equally well; the program's own 0.001 is among them" == line(wide)
    assert "no rate is suggested: because" == line(Outcome(choice=Choice(None, reason="because")))


def test_batch_size() -> None:
    """The rule is named: linear for SGD, the square root for Adam."""
    loader = LoaderFact(
        0, "train", None, "Digits", 1000, 32, 32, "random", drop_last=False, num_workers=0, iters=1, served=32
    )
    found = outcome(1e-3, {1e-3: 0.5, 1e-4: 1.0})
    for kind, words in (("SGD", "0.001 -> 0.004 (linear"), ("AdamW", "0.001 -> 0.002 (square-root")):
        facts = Facts(loaders=(loader,), optimizers=(optimizer(kind),))
        assert any(f"batch size 32 -> 128: {words}" in n for n in notes(found, facts, 128))
