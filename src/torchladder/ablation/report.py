"""An ablation as a report of the same kind as a climb's: its table, its intervals drawn, and one sentence."""

import platform
from typing import Any

import torchladder
from torchladder.ablation.changes import BASELINE
from torchladder.ablation.reading import Row, Scale, Verdict, combinations, rows_of, scale_of
from torchladder.ablation.study import Study
from torchladder.core.charts import Chart, Line, Mark
from torchladder.core.report import Report, RungResult, State
from torchladder.report.text import plural

RUNG, NAME = 6, "ablation"
SEEDS_WORTH = 30  # a difference that takes more to tell is too small to matter to most
INTERRUPTED, PROGRAM_FAILED = 130, 3


def reported(study: Study, *, source: str) -> Report:
    """Return the report of what is known."""
    rows = rows_of(study)
    scale = scale_of(study.metric, lower=study.lower, shares=study.plan.simple is not None)
    base = next(r for r in rows if r.kind == "baseline")
    changes = [r for r in rows if r.kind == "change"]
    open_ = [r for r in changes if r.verdict in {Verdict.FAILED, Verdict.UNKNOWN}]
    state = State.FAILED if not base.values else State.UNKNOWN if open_ or study.interrupted else State.PASSED
    sentence = _sentence(base, changes, study)
    notes = (*combinations(study, scale), *_notes(study, rows, scale), *study.plan.told)
    figures: dict[str, Any] = {
        "metric": study.metric,
        "lower_is_better": study.lower,
        "percent": bool(scale.unit),
        "seeds": list(study.plan.seeds),
        "held_out": _held_out(study),
        "runs_made": study.made,
        "runs_taken": study.taken,
        "interrupted": study.interrupted,
        "table": [_as_facts(row, study, scale) for row in rows],
    }
    rung = RungResult(RUNG, NAME, state, sentence, study.seconds, figures, notes=notes)
    status = INTERRUPTED if study.interrupted else 0 if base.values or not study.results[BASELINE] else PROGRAM_FAILED
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=source,
        verdict="healthy" if state is State.PASSED else "undecided",
        sentence=sentence,
        cause=None,
        findings=(),
        rungs=(rung,),
        environment={"python": platform.python_version()},
        seconds=study.seconds,
        next=_next(study, base, changes),
        exit_status=status,
        charts=_charts(changes, study, scale),
    )


def _sentence(base: Row, changes: list[Row], study: Study) -> str:
    if study.interrupted and not base.values:
        return "stopped before the baseline had run"
    if not base.values:
        return f"the baseline failed: {next(iter((base.failures or {}).values()), 'it was not run')}"
    parts = []
    for verdict, words in (
        (Verdict.HELPS, "help"),
        (Verdict.HURTS, "hurt"),
        (Verdict.WITHIN, "within noise"),
        (Verdict.SAME, "without any difference"),
        (Verdict.FAILED, "failed"),
        (Verdict.UNKNOWN, "without a verdict"),
    ):
        count = sum(r.verdict is verdict for r in changes)
        one = words + "s" if count == 1 and verdict in {Verdict.HELPS, Verdict.HURTS} else words
        parts += [f"{count} {one}"] if count else []
    begin = "stopped early; " if study.interrupted else ""
    return f"{begin}of {plural(len(changes), 'change')}: {', '.join(parts)}"


def _as_facts(row: Row, study: Study, scale: Scale) -> dict[str, Any]:
    """Return a row as JSON values, with the cells that a table shows."""
    one = row.paired
    runs = {s: r.run for s, r in study.results[row.name].items() if r.run} if row.kind != "simple" else {}
    return {
        "name": row.name,
        "kind": row.kind,
        "verdict": row.verdict.value if row.verdict else None,
        "words": row.words or ("; ".join(sorted(set((row.failures or {}).values()))) if not row.values else ""),
        "mean": row.mean,
        "deviation": row.deviation,
        "difference": one.mean if one else None,
        "margin": one.margin if one else None,
        "p": one.p if one else None,
        "p_holm": row.corrected,
        "seeds_needed": row.needed,
        "values": {str(k): v for k, v in row.values.items()},
        "failures": {str(k): v for k, v in (row.failures or {}).items()},
        "cost": row.cost,
        "runs": {str(k): v for k, v in runs.items()},
        "cells": {
            "value": scale.value(row.mean) if row.mean is not None else "-",
            "difference": scale.difference(one.mean, one.margin) if one else "",
            "seeds": str(len(row.values)) if row.kind != "simple" else "",
            "time": f"{row.cost:.2f}x" if row.cost is not None else "",
        },
    }


def _notes(study: Study, rows: list[Row], scale: Scale) -> list[str]:
    told = []
    base = next(r for r in rows if r.kind == "baseline")
    if base.deviation is not None:
        told.append(f"baseline over {len(base.values)} seeds: standard deviation {_spread(base.deviation, scale)}")
    if base.values and base.failures:
        told.append(f"the baseline failed at seed {', '.join(map(str, base.failures))}, which is left out")
    for row in rows:
        beats = base.mean is not None and row.mean is not None and (row.mean <= base.mean) == scale.lower
        if row.kind == "simple" and beats:
            told.append(f"{row.name}: no worse than the baseline, so the model has not earned its cost")
    held = _held_out(study)
    if held and scale.unit and study.metric == "accuracy":
        told.append(f"one of the {held:,} held-out samples is {100 / held:.2g} points; seeds do not cover their draw")
    changes = [r for r in rows if r.kind == "change"]
    if any(r.paired is not None and r.paired.p is not None for r in changes):
        holm = f", corrected for {len(changes)} comparisons (Holm)" if len(changes) > 1 else ""
        if any(r.paired is not None and r.paired.early for r in changes):
            told.append("with seeds left over, a change is settled by the spread of all changes together")
        told.append(f"± is the 95 % interval of the mean difference, paired by seed; verdicts at 5 %{holm}")
    return told


def _spread(value: float, scale: Scale) -> str:
    return f"{100 * value:.2f} points" if scale.unit else f"{value:.2g}"


def _held_out(study: Study) -> int | None:
    return next((r.facts.get("held_out") for rows in study.results.values() for r in rows.values() if r.ended), None)


def _next(study: Study, base: Row, changes: list[Row]) -> str:
    if study.interrupted:
        return "the same command goes on where it was stopped"
    if not base.values:
        return "make the baseline run"
    short = [r.needed for r in changes if r.verdict is Verdict.WITHIN and r.needed is not None]
    if short and len(study.plan.seeds) < min(short) <= SEEDS_WORTH:
        return f"the same with --seeds {min(short)} adds runs to these"
    if len(study.plan.seeds) == 1:
        return "the same with --seeds 3 adds runs to these"
    failed = next((r for r in changes if r.verdict is Verdict.FAILED), None)
    return f"look at why {failed.name} failed" if failed else "train with what helps, without what hurts"


def _charts(changes: list[Row], study: Study, scale: Scale) -> tuple[Chart, ...]:
    """Return the interval of each change as a bar beside the baseline's line, the first one on top."""
    bars = []
    for height, row in zip(range(len(changes), 0, -1), changes, strict=True):
        one = row.paired
        if one is not None and one.margin is not None:
            low, mid, high = (scale.factor * v for v in (one.mean - one.margin, one.mean, one.mean + one.margin))
            at = (low, mid, high) if low < high else (mid,)
            bars.append(Line(row.name, tuple(at), (float(height),) * len(at)))
    if not bars:
        return ()
    unit = "points" if scale.unit else study.metric
    return (
        Chart(
            f"difference of {study.metric} to the baseline",
            f"difference, {unit} ({'left' if scale.lower else 'right'} is better)",
            "change, the first on top",
            tuple(bars),
            (Mark("x", 0.0, "baseline"),),
            note="each bar is the 95 % interval of the mean difference, paired by seed",
        ),
    )
