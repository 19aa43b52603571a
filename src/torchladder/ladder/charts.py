"""What a climb has to draw: one batch, the range of rates, the full run with its rates and its evaluation."""

import math
from collections.abc import Iterator

from torchladder.core.charts import Chart, Mark, line, steps_chart
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.ladder.verify import base_trial

ONE_BATCH, RATES, FULL = 3, 5, 6


def charts(facts: Facts) -> tuple[Chart, ...]:
    """Return the charts of everything that was run, by rung."""
    return (*_one_batch(facts), *_rates(facts), *_full(facts))


def _one_batch(facts: Facts) -> Iterator[Chart]:
    for phase in sorted({t.phase for t in facts.trials or ()}):
        trial = base_trial(facts, phase)
        if trial is None or len(trial.losses) < 2:  # noqa: PLR2004 - nothing to draw
            continue
        marks = [("chance", trial.chance), ("perfect fit", trial.floor or None)]
        yield steps_chart(
            f"one batch{f', phase {phase + 1}' if phase else ''}: {trial.rows or 'its'} samples for ever",
            "loss",
            [line("loss", range(len(trial.losses)), trial.losses)],
            marks=tuple(Mark("y", at, name) for name, at in marks if at is not None and math.isfinite(at)),
            rung=ONE_BATCH,
        )


def _rates(facts: Facts) -> Iterator[Chart]:
    for sweep in facts.lr_sweeps or ():
        if len(sweep.lrs) > 1:
            yield Chart(
                "learning-rate range test",
                "learning rate",
                "loss after the step",
                (line("loss", sweep.lrs, sweep.losses[: len(sweep.lrs)]),),
                log_x=True,
                rung=RATES,
            )


def _full(facts: Facts) -> Iterator[Chart]:
    if facts.outcome is None:
        return
    for curve in facts.curves or ():
        steps = [i * curve.stride for i in range(len(curve.losses))]
        if len(steps) < 2:  # noqa: PLR2004 - nothing to draw
            continue
        name = f", phase {curve.phase + 1}" if curve.phase else ""
        seen = [e for e in facts.evaluations or () if e.phase == curve.phase and not e.loader_trained]
        held = [e for e in seen if e.loss is not None]
        lines = [line("training", steps, curve.losses)]
        lines += (
            [line("held out", [e.step for e in held], [e.loss or 0.0 for e in held], kind="points")] if held else []
        )
        yield steps_chart(f"full run{name}: loss", "loss", lines, rung=FULL)
        yield from _accuracy(name, seen)
        if len(set(curve.lrs)) > 1:
            rates = line("learning rate", [i * curve.stride for i in range(len(curve.lrs))], curve.lrs)
            yield steps_chart(f"full run{name}: learning rate", "learning rate", [rates], rung=FULL)


def _accuracy(name: str, seen: list[EvaluationFact]) -> Iterator[Chart]:
    known = [(e.step, e.accuracy) for e in seen if e.accuracy is not None]
    if len(known) > 1:
        steps, values = zip(*known, strict=True)
        rows = [line("held out", steps, values)]
        yield Chart(f"full run{name}: accuracy", "step", "share that is right", tuple(rows), rung=FULL)
