"""The analysis as a report of the same kind as a climb's: one rung, a line for each stage, one sentence."""

import dataclasses
import platform
from typing import Any

import torchladder
from torchladder.ceiling.measure import FEW, LEVEL, Gain, StageGain, Study
from torchladder.core.report import Report, RungResult, State

RUNG, LINE = 7, "ceiling"
SURE = 0.9  # of the redrawn sets of items in which the first stage is first


def reported(found: Study, *, name: str, seconds: float) -> Report:
    """Return the report."""
    told = settled(found)
    rung = RungResult(
        RUNG, LINE, State.PASSED if told else State.UNKNOWN, summary(found), seconds, figures(found),
        notes=tuple(lines(found)),
    )  # fmt: skip
    return Report(
        schema=1,
        tool=torchladder.__version__,
        script=name,
        verdict="healthy" if told else "undecided",
        sentence=sentence(found),
        cause=None,
        findings=(),
        rungs=(rung,),
        environment={"python": platform.python_version()},
        seconds=seconds,
        next=following(found),
    )


def top(found: Study) -> Gain:
    """Return the largest gain in order."""
    gain = found.stage(found.ranking[0]).ordered
    assert gain is not None
    return gain


def settled(found: Study) -> bool:
    """Tell whether the items suffice to say which stage to work on, or that none is worth it."""
    gain = top(found)
    return gain.low > 0 or gain.low == gain.high == gain.gain == 0


def summary(found: Study) -> str:
    """Return the end figure as it is, and with every stage right."""
    end, n = found.pipeline.end, len(found.pipeline.items)
    whole = found.whole
    if whole is None:
        return f"{end} {found.baseline:.4g} over {n:,} items; no item has the truth of every stage"
    over = f" (over {whole.items:,} with every truth)" if whole.items < n else ""
    return f"{end} {found.baseline:.4g} over {n:,} items; with every stage right {whole.after:.4g}{over}"


def sentence(found: Study) -> str:
    """Return which stage to work on first, and what that can give at most."""
    first, gain, end = found.ranking[0], top(found), found.pipeline.end
    if gain.low == gain.high == gain.gain == 0:
        return f"nothing to gain: right answers in place of any stage leave the {end} where it is"
    if gain.low <= 0:
        return (
            f"no stage stands out: {first} leads with {span(gain)}, which {gain.items:,} items cannot tell from nothing"
        )
    sure = f"; first in {100 * found.first:.0f} % of the redrawn sets" if len(found.ranking) > 1 else ""
    doubt = ", so the second may be as good a choice" if found.first < SURE and len(found.ranking) > 1 else ""
    return f"work on {first} first: right answers there take the {end} from {arrow(gain)}, {span(gain)}{sure}{doubt}"


def lines(found: Study) -> list[str]:
    """Return a line for each stage, the largest gain first, then what has to be known about the figures."""
    n = len(found.pipeline.items)
    shown = [f"{i}. {words(found.stage(name), n)}" for i, name in enumerate(found.ranking, 1)]
    shown += [words(s, n) for s in found.stages if s.name not in found.ranking]
    shown.append(
        f"gains when all stages before are right; {100 * LEVEL:.0f} % intervals from {found.draws:,} redrawn sets "
        f"of {f'{found.groups:,} groups of items' if found.groups else 'items'}"
    )
    if any(s.beside and s.alone for s in found.stages):
        shown.append("alone: right answers of this stage only, those before it left as they are")
    worse = [s.name for s in found.stages if s.ordered is not None and s.ordered.high < 0]
    if worse:
        shown.append(
            f"right answers of {' and '.join(worse)} make the end worse: what follows is used to its mistakes, or the "
            "truths differ from what it returns"
        )
    fewest = min(s.ordered.items for s in found.stages if s.ordered is not None)
    if (found.groups or fewest) < FEW:
        shown.append(f"fewer than {FEW} {'groups' if found.groups else 'items'} tell: the intervals are too narrow")
    return shown


def words(stage: StageGain, items: int) -> str:
    """Return what was found of a stage."""
    took = f"{stage.seconds * 1e3:.3g} ms a call" if stage.calls else "never called"
    if stage.alone is None:
        return f"{stage.name}: no item says what is right here; {took}"
    alone = f"alone {span(stage.alone)}; " if stage.beside or stage.ordered is None else ""
    if stage.ordered is None:
        return f"{stage.name}: no item has its truth and all before; {alone}{took}"
    over = f"{stage.ordered.items:,} of {items:,} items tell; " if stage.ordered.items < items else ""
    return f"{stage.name}: {arrow(stage.ordered)}, {span(stage.ordered)}; {alone}{over}{took}"


def arrow(gain: Gain) -> str:
    """Return before and after."""
    return f"{gain.before:.4g} to {gain.after:.4g}"


def span(gain: Gain) -> str:
    """Return a gain with its interval."""
    return f"gain {gain.gain:.3g} ({gain.low:.3g} to {gain.high:.3g})"


def figures(found: Study) -> dict[str, Any]:
    """Return every number of the analysis."""

    def of(gain: Gain | None) -> dict[str, float] | None:
        return None if gain is None else dataclasses.asdict(gain)

    return {
        "items": len(found.pipeline.items),
        "groups": found.groups,
        "end": found.pipeline.end,
        "better": "lower" if found.pipeline.falls else "higher",
        "baseline": found.baseline,
        "whole": of(found.whole),
        "level": LEVEL,
        "draws": found.draws,
        "ranking": found.ranking,
        "first": found.first,
        "stages": [
            {
                "name": s.name, "in_order": of(s.ordered), "alone": of(s.alone), "truths": s.truths, "calls": s.calls,
                "seconds_per_call": s.seconds,
            }
            for s in found.stages
        ],
    }  # fmt: skip


def following(found: Study) -> str:
    """Return what to do next."""
    if settled(found):
        return f"look at the mistakes of {found.ranking[0]}" if top(found).gain else "find harder items"
    return "add items: the intervals shrink with the root of their number"
