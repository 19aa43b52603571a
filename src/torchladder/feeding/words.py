"""What was measured of loaders, in words and figures."""

from collections.abc import Sequence
from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.feeding_facts import EvaluationTimeFact, FeedingFact, PartFact, TrialOfSetting
from torchladder.core.findings import Finding
from torchladder.core.jsonable import to_json
from torchladder.rules.feeding.setting import best_of, gain, setting

PARTS = {
    "reading": "reading",
    "transform": "transforms",
    "collate": "collate",
    "copy": "to the device",
}
IDLE = 0.3  # share of a part from which on it is worth saying that nothing was computed in it
SOME = 0.1  # share of a step's time; less waiting is no problem of the loader


def unmeasured(facts: Facts, *, gpu: bool) -> dict[str, str]:
    """Return why what some rules judge could not be measured, by their codes.

    Args:
        facts: What was measured.
        gpu: Whether this machine has a GPU.
    """
    found = {}
    main = facts.feeding[0] if facts.feeding else None
    if not gpu:
        found["TL902"] = "this machine has no GPU that a batch could be copied to"
    elif main is not None and main.device not in {None, "cuda"}:
        found["TL902"] = f"the training runs on {main.device}: no batch is copied to the GPU"
    elif not any(t.computing is not None for t in facts.transfers or ()):
        found["TL902"] = "no step was timed that the copy of a batch could be set beside"
    if facts.evaluation_times is None:
        found["TL903"] = "no evaluation pass was seen beside the training"
    return found


def milliseconds(seconds: float) -> str:
    """Return "12.4 ms" or "1.3 s"."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    ms = 1e3 * seconds
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.1f} ms" if ms >= 1 else f"{ms:.2g} ms"  # noqa: PLR2004


def rate(seconds: float) -> str:
    """Return how many a second: "12.4", "1,240"."""
    value = 1 / seconds if seconds > 0 else 0.0
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def share_waited(f: FeedingFact) -> float | None:
    """Return the share of the program's own steps that was spent waiting."""
    return f.waited / f.seconds if f.steps and f.seconds else None


def summary(f: FeedingFact) -> str:
    """Return the line of the rung."""
    if f.alone is None:
        return "no batch was timed"
    parts = [f"{rate(f.alone)} batches/s"]
    if f.samples:
        parts[0] += f", {rate(f.alone / f.samples)} samples/s"
    parts[0] += " alone"
    share = share_waited(f)
    if share is not None:
        parts.append(f"steps wait {share:.0%} of their time")
    best = best_of(f)
    if best is not None:
        parts.append(f"{times(f, best)} with {setting(best.options)}")
    return "; ".join(parts)


def times(f: FeedingFact, trial: TrialOfSetting) -> str:
    """Return how many times as fast a setting is."""
    return f"{gain(f, trial):.2g} times as fast"


def sentence(cause: Finding | None, f: FeedingFact | None, reason: str | None) -> str:
    """Return the verdict in one sentence."""
    if cause is not None:
        return f"{cause.name}: {cause.message}"
    if reason is not None or f is None:
        return reason or "nothing was timed"
    share = share_waited(f)
    best = best_of(f)
    if share is not None and share < SOME:
        return f"the loader is not the problem: steps wait {share:.0%} of their time"
    waits = f"steps wait {share:.0%} of their time" if share is not None else "nothing is trained here"
    if best is not None:
        return f"{waits}; {times(f, best)} with {setting(best.options)}"
    return f"{waits}; no setting that was tried helps"


def notes(f: FeedingFact, evaluations: Sequence[EvaluationTimeFact]) -> list[str]:
    """Return the lines beneath the rung's: settings, times, parts, and what was tried."""
    where = f"{f.place}: " if f.place is not None else ""
    size = f"batches of {f.batch_size}" if f.batch_size is not None else "batches of its own"
    lines = [f"{where}{f.dataset}, {size}, {settings(f)}; {f.cores} cores"]
    if f.alone is not None and f.alone_first is not None:
        lines.append(
            f"alone: first batch of a pass after {milliseconds(f.alone_first)}, then one every {milliseconds(f.alone)}"
        )
    if f.steps:
        computing = f"; {milliseconds(f.computing)} with a batch that is there" if f.computing else ""
        lines.append(
            f"in training: {milliseconds(f.seconds / f.steps)} a step, {milliseconds(f.waited / f.steps)} of it "
            f"waiting{computing}"
        )
    lines += table(f.parts)
    lines += tried(f)
    for e in evaluations:
        share = e.seconds / (e.seconds + e.between) if e.seconds + e.between else 0.0
        lines.append(
            f"evaluation at {e.place}: {milliseconds(e.seconds)} after every {e.steps:,} steps, {share:.0%} of the time"
        )
    return lines


def settings(f: FeedingFact) -> str:
    """Return the present settings in a few words."""
    said = [f"num_workers={f.num_workers}"]
    said += ["persistent_workers=True"] if f.persistent_workers else []
    said += ["pin_memory=True"] if f.pin_memory else []
    return ", ".join(said)


def table(parts: Sequence[PartFact]) -> list[str]:
    """Return where the time of a batch goes, as lines."""
    total = sum(p.seconds for p in parts)
    if not total:
        return []
    lines = [f"where the {milliseconds(total)} of a batch go, in one process:"]
    for p in parts:
        line = f"  {PARTS[p.name]:<13} {milliseconds(p.seconds):>8} {p.seconds / total:>5.0%}"
        if p.idle > IDLE * p.seconds and p.seconds > SOME * total:
            line += f", {p.idle / p.seconds:.0%} of it idle: disk, network, sleep"
        if len(p.steps) > 1 or (p.steps and p.seconds > SOME * total):
            line += ": " + ", ".join(f"{n} {milliseconds(s)}" for n, s in p.steps.items())
        lines.append(line)
    return lines


def tried(f: FeedingFact) -> list[str]:
    """Return what was tried, as lines."""
    done = [t for t in f.tried if t.seconds is not None]
    if not done:
        return []
    per = "ms a training step" if f.tried_on == "training" else "ms a batch"
    lines = [f"tried, {per}, medians of {max(len(t.rounds) for t in done)} rounds:"]
    for t in f.tried:
        if t.seconds is None:
            lines.append(f"  {'failed':>9}         {setting(t.options)}: {t.failed}")
            continue
        faster = f"x{gain(f, t):.2f}" if t.options else ""
        lines.append(f"  {1e3 * t.seconds:9.2f}  {faster:<6} {setting(t.options)}")
    return lines


def figures(facts: Facts) -> dict[str, Any]:
    """Return everything measured, for the report's JSON."""
    rows = []
    for f in facts.feeding or ():
        best = best_of(f)
        rows.append({
            **to_json(f),
            "batches_per_second": 1 / f.alone if f.alone else None,
            "samples_per_second": f.samples / f.alone if f.alone and f.samples else None,
            "share_waited": share_waited(f),
            "first": None if best is None else best.options,
        })
    return {
        "loaders": rows,
        "transfers": to_json(facts.transfers or ()),
        "evaluations": to_json(facts.evaluation_times or ()),
    }
