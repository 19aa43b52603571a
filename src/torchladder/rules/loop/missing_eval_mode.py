"""Evaluation runs in training mode.

## What is wrong
The evaluation calls the model while its training flag is set: `model.eval()` is missing.

## Why it hurts
Dropout and other noise stay on, batch norm uses the statistics of the test batch and moves its own
with it. The figures are worse than the model is, differ from call to call, and depend on which
samples share a batch.

## How it is found
Evaluation passes are recognised by having no backward pass. One of their calls is made again, as it
was and in evaluation mode: outputs that differ show that the mode matters.

## What to do
Call `model.eval()` before the evaluation, and `model.train()` when training goes on.

## When it is a false alarm
Monte Carlo dropout calls the model several times with the same batch; passes that only renew the
statistics of batch norm compare no prediction with a target; outputs that feed a training step
belong to training; where nothing depends on the mode, a missing call does no harm.

## Sources
Module.eval: https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.eval
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.findings import Change, Finding, Fix, Measurement, Severity
from torchladder.rules.outcome.held_out import ERRORS, standard_error
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When the mode matters."""

    random: float = limit(1e-3, unit="relative difference", why="the same call differs by rounding alone below it")
    different: float = limit(1e-3, unit="relative difference", why="with statistics moving too, the mode is the cause")
    steady: float = limit(1e-6, unit="relative difference", why="above it the model is random in either mode")
    service: float = limit(8, unit="calls with one sample", why="fewer may be a look at a sample or two")
    again: float = limit(0.6, unit="share of the calls", why="the same batch over and over is Monte Carlo dropout")


@rule(
    "TL501",
    rung=4,
    severity=Severity.ERROR,
    needs=("evaluations",),
    limits=Limits,
    explains=("TL602", "TL603"),
    plants=(
        Plant("digits_cnn", "    model.eval()\n", ""),
        Plant("sequence_rnn", "        self.model.eval()\n", ""),
        Plant("finetune", "    net.eval()\n", ""),
    ),
    near_misses=(
        Plant("autoencoder", "    model.eval()\n", ""),
        Plant(
            "digits_mlp",
            "    model.eval()\n    n_right = 0\n    with torch.no_grad():\n        for xb, yb in loader:\n"
            "            n_right += (model(xb).argmax(dim=1) == yb).sum().item()\n",
            "    n_right = 0\n    with torch.no_grad():\n        for xb, yb in loader:\n"
            "            mean = torch.stack([model(xb).softmax(dim=1) for _ in range(20)]).mean(dim=0)\n"
            "            n_right += (mean.argmax(dim=1) == yb).sum().item()\n",
        ),
    ),
)
def missing_eval_mode(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for the first evaluating line that runs in training mode although that matters."""
    held = [e for e in facts.evaluations or () if not (e.loader_trained or e.data_trained)]
    groups: dict[object, list[EvaluationFact]] = {}
    for e in held or facts.evaluations or ():
        groups.setdefault((e.root, e.place), []).append(e)
    for group in groups.values():
        if not all(_judged(e, limits) for e in group):
            continue
        asked = [e for e in group if e.repeat_change is not None]
        worst = max(asked, key=lambda e: (e.repeat_change or 0.0, e.mode_change or 0.0), default=None)
        if worst is None or not _matters(worst, limits):
            continue
        found = _finding(group, worst, limits, trained=not held)
        if found is not None:
            yield found
            return


def _judged(e: EvaluationFact, limits: Limits) -> bool:
    """Return whether a pass is an evaluation, all of it in training mode."""
    # Samples answered one by one are a service: a model that draws batches of samples may do so in either mode.
    one_by_one = e.rows == e.calls >= limits.service and e.mode_layers > 0
    scored = e.kind is not None or e.loss is not None or one_by_one
    over_and_over = e.repeated >= 2 and e.repeated >= limits.again * e.calls  # noqa: PLR2004 - three calls at least
    return scored and e.in_training_mode == e.calls and not e.feeds_training and not over_and_over


def _matters(e: EvaluationFact, limits: Limits) -> bool:
    """Return whether the mode changes what the model answers."""
    if (e.steady_change or 0.0) > limits.steady and not e.mode_layers:
        return False
    by_chance = (e.repeat_change or 0.0) > limits.random
    return by_chance or ((e.mode_change or 0.0) > limits.different and bool(e.buffers_moved))


def _gain(group: Sequence[EvaluationFact]) -> tuple[float, float] | None:
    """Return the last accuracy as asked and in evaluation mode, None when no pass has both."""
    both = [e for e in group if e.asked_accuracy is not None and e.mode_accuracy is not None]
    if not both:
        return None
    last = both[-1]
    assert last.asked_accuracy is not None
    assert last.mode_accuracy is not None
    return last.asked_accuracy, last.mode_accuracy


def _finding(group: list[EvaluationFact], e: EvaluationFact, limits: Limits, *, trained: bool) -> Finding | None:
    """Return the finding; None where evaluation mode would clearly answer worse and nothing is left to chance."""
    gain = _gain(group)
    by_chance = (e.repeat_change or 0.0) > limits.random
    slack = ERRORS * standard_error(gain[0], e.rows) if gain else 0.0
    if gain and gain[1] < gain[0] - slack and not by_chance:
        return None
    better = gain is not None and gain[1] > gain[0] + slack
    random_anyway = (e.steady_change or 0.0) > limits.steady
    sure = (by_chance and not random_anyway) or better
    seen = [Measurement("evaluation calls in training mode", sum(x.calls for x in group), expected=0)]
    if by_chance:
        seen.append(Measurement("change of the output when one call is repeated", _round(e.repeat_change), expected=0))
    else:
        seen.append(Measurement("change of the output in evaluation mode", _round(e.mode_change), expected=0))
    if gain:
        what = "accuracy of one batch, and in evaluation mode"
        seen.append(Measurement(what, f"{gain[0]:.1%}, {gain[1]:.1%}"))
    notes = ("the call also moves the running statistics of the model",) if e.buffers_moved else ()
    words = "its outputs are left to chance" if by_chance else "it uses the statistics of the test batch"
    return missing_eval_mode.finding(
        f"`{e.root}` is evaluated in training mode: {words}",
        severity=Severity.ERROR if sure and not trained else Severity.WARNING,
        where=tuple(dict.fromkeys(p for p in (e.site, e.place) if p is not None)),
        seen=tuple(seen),
        notes=notes,
        remark="runs with training=True",
        fixes=(Fix("call eval() on the model before the evaluation", change=Change("eval_mode")),),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")
