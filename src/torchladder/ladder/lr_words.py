"""Rung 5 in words: its line, and the notes beneath it."""

import math
from typing import TYPE_CHECKING

from torchladder.core.facts import Facts
from torchladder.ladder import rates
from torchladder.ladder.rate_trials import SLOWER, Comparison, shortfall

if TYPE_CHECKING:
    from torchladder.ladder.lr import Outcome

LONG = 200  # steps from which a cut run says something about the whole
ADAPTIVE = ("Adam", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion", "LAMB", "Adan", "Sophia")


def rate(value: float) -> str:
    """Return a rate in two digits, as people write it: 0.003, 1e-05."""
    return f"{value:.2g}"


def line(found: "Outcome") -> str:
    """Return what the rung says in one line."""
    choice = found.choice
    if choice.reason is not None:
        return f"no rate is suggested: {choice.reason}"
    compared = choice.comparison
    if choice.lr is None:
        assert choice.low is not None
        assert choice.high is not None
        inside = choice.low <= found.own <= choice.high
        where = f"; the program's own {rate(found.own)} is among them" if inside else f"; own {rate(found.own)}"
        at_best = (
            f" ({compared.metric} {shown(compared.values[compared.best])} at {rate(compared.best)})" if compared else ""
        )
        return f"anything from {rate(choice.low)} to {rate(choice.high)} does equally well{at_best}{where}"
    if compared is None:
        return f"{rate(choice.lr)} ({found.rule}, by the sweep alone); the program's own is {rate(found.own)}"
    best = compared.values[choice.lr]
    if not rates.apart(choice.lr, found.own):
        return f"the program's own {rate(found.own)} does best of those tried: {compared.metric} {shown(best)}"
    own = compared.values.get(found.own)
    beside = "" if own is None else f", {shown(own)} at the program's own {rate(found.own)}"
    return f"{rate(choice.lr)} ({found.rule}): {compared.metric} {shown(best)}{beside}"


def shown(value: float) -> str:
    """Return a loss in three digits, in words where it is none."""
    return f"{value:#.3g}".rstrip(".") if math.isfinite(value) else "diverges"


def notes(found: "Outcome", facts: Facts, batch_size: int | None) -> tuple[str, ...]:
    """Return what stands beneath the line: a warning about the program's own rate first, then the evidence."""
    said = [*_warning(found), *found.choice.notes]
    if found.curve is not None:
        refused = rates.refusal(found.curve)
        marks = "; ".join(f"{r.rule} {rate(r.lr)}" for r in rates.readings(found.curve))
        said.append(f"sweep: {refused if refused else marks}")
    if found.choice.comparison is not None:
        said.append(_tried(found.choice.comparison, found))
        said += _open_end(found.choice.comparison, found)
    low, high = found.choice.low, found.choice.high
    if found.choice.lr is not None and low is not None and high is not None and high > low:
        said.append(f"{rate(low)} to {rate(high)} do equally well, as far as these runs can tell")
    said += _conditions(found, facts)
    said += _batch_size(found, facts, batch_size)
    return tuple(said)


def _tried(compared: Comparison, found: "Outcome") -> str:
    shows = [f"{rate(r)} {shown(v)}" for r, v in sorted(compared.values.items())]
    whole = "whole runs" if found.whole else f"{compared.step} steps each"
    return f"tried ({compared.metric}, {whole}): {', '.join(shows)}"


def _open_end(compared: Comparison, found: "Outcome") -> list[str]:
    """Say when the best is the outermost rate that was tried: what lies beyond it is not known."""
    tried = sorted(compared.values)
    ends = {found.choice.low if found.choice.lr is None else found.choice.lr, found.choice.high, found.choice.lr}
    for end, beyond in ((tried[-1], "higher"), (tried[0], "lower")):
        if end in ends and len(tried) > 1:
            return [f"no {beyond} rate than {rate(end)} was tried"]
    return []


def _warning(found: "Outcome") -> list[str]:
    compared = found.choice.comparison
    less = shortfall(compared, found.own) if compared is not None else None
    if less is None or less <= SLOWER or compared is None:
        return []
    own = compared.values[found.own]
    if not found.whole and math.isfinite(own) and compared.step < LONG:
        return []  # what is slow at first may be right in the end
    if not math.isfinite(own):
        return [f"warning: at the program's own {rate(found.own)} the loss diverges"]
    how = "learns nothing in" if math.isinf(less) else f"learns {less:.2g} times less than {rate(compared.best)} in"
    return [f"warning: the program's own {rate(found.own)} {how} the same steps"]


def _conditions(found: "Outcome", facts: Facts) -> list[str]:
    """Return how the sweep was made, where that is not the plain case."""
    sweep = found.sweep
    if sweep is None:
        return []
    said = []
    ratios = sorted(set(sweep.ratios), reverse=True)
    if len(ratios) > 1:
        said.append(f"rates are of the largest group; the others keep their share: {', '.join(map(rate, ratios))}")
    if sweep.optimizers > 1:
        said.append(f"the rates of {sweep.optimizers} optimizers were raised together")
    elif len([o for o in facts.optimizers or () if o.steps]) > 1:
        said.append("the program trains in several phases; this is the rate of the first")
    if not found.whole and found.choice.comparison is not None:
        said.append(f"judged after {found.choice.comparison.step} steps: a longer run may want another rate")
    return said


def _batch_size(found: "Outcome", facts: Facts, new: int | None) -> list[str]:
    """Return the rate for another batch size."""
    if new is None:
        return []
    loader = next((x for x in facts.loaders or () if x.role == "train" and x.batch_size), None)
    rows = next((r.batch_rows for r in facts.repeats or () if r.batch_rows), None)
    old = loader.batch_size if loader is not None else rows
    base = found.choice.lr or found.own
    if not old or not base:
        return [f"batch size {new}: the program's own batch size is not known, so that nothing can be scaled"]
    kind = next((o.type for o in facts.optimizers or () if o.steps), "")
    adaptive = any(name in kind for name in ADAPTIVE)
    scaled = rates.scaled_for_batch(base, old, new, adaptive=adaptive)
    rule = "square-root rule for adaptive optimizers" if adaptive else "linear scaling rule"
    return [f"batch size {old} -> {new}: {rate(base)} -> {rate(scaled)} ({rule}; a large change wants a warm-up)"]
