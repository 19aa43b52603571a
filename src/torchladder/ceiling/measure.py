"""What each stage costs the end result: every one swapped for the truth, alone and together with all before it.

The gain in order is that of making a stage right when all before it are right already: these gains add up to the whole
way to the ceiling. The gain alone is that of right answers of this stage and no other. Intervals come from redrawn
items, the same draw for every stage, so that two gains can be compared as well.

In a chain, right answers of one stage make all before it unimportant: its gain alone is then the sum of those up to it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.ceiling.declaration import GROUP, Pipeline
from torchladder.ceiling.swap import Passes, Swapped, judged, judged_all
from torchladder.core.errors import LadderError

Numbers = NDArray[np.float64]
DRAWS = 2000
DRAWS_MIN = 40  # of a metric over all items, which is computed anew for every draw
REDRAW_SECONDS = 20.0
CHUNK = 100
LEVEL = 0.95
FEW = 30  # items below which intervals from redrawn items are too narrow


@dataclass(frozen=True, slots=True)
class Gain:
    """The end figure before and after one more stage is right, over the items that tell; better is positive."""

    before: float
    after: float
    gain: float
    low: float
    high: float
    items: int


@dataclass(frozen=True, slots=True)
class StageGain:
    """What was found of a stage; gains are None where no item has its truth.

    Attributes:
        truths: Items that say what is right here.
        calls: How often it was run, in all.
        seconds: Time of one call.
        beside: Whether a later stage also uses what comes before this one; else right answers here make all before
            it right, and the gain alone is that of everything up to here.
    """

    name: str
    alone: Gain | None
    ordered: Gain | None
    truths: int
    calls: int
    seconds: float
    beside: bool


@dataclass
class Study:
    """What was found.

    Attributes:
        whole: All stages with truths at once; None where no item has all of them.
        ranking: Names of the stages with truths, by their gain in order.
        first: Share of the redrawn sets of items in which the first of the ranking is first.
        groups: Groups of items that were redrawn together, None where each item is by itself.
    """

    pipeline: Pipeline
    baseline: float
    whole: Gain | None
    stages: list[StageGain]
    ranking: list[str]
    first: float
    draws: int
    groups: int | None = None

    def stage(self, name: str) -> StageGain:
        """Return a stage by its name."""
        return next(s for s in self.stages if s.name == name)


def study(pipeline: Pipeline, *, seed: int = 0, progress: Callable[[str], None] = lambda _: None) -> Study:
    """Run the pipeline on every item under every swap, and say what each stage costs."""
    stages = range(len(pipeline.stages))
    known = [k for k in stages if pipeline.truths(k)]
    chain = [frozenset(known[:i]) for i in range(len(known) + 1)]
    alone = [(frozenset[int](), frozenset({k})) for k in known]
    ordered = list(pairwise(chain))
    pairs = [*alone, *ordered, (chain[0], chain[-1])]
    passes = Passes(pipeline)
    ends = _ends(passes, sorted({s for pair in pairs for s in pair}, key=sorted), progress)
    groups = _groups(pipeline)
    middles = [_between(pipeline, ends, pair) for pair in pairs]
    drawn = _redrawn(pipeline, ends, pairs, groups, seed, progress)
    gains = [
        Gain(before, after, _sign(pipeline) * (after - before) + 0.0, *_interval(draws), n) if n else None
        for (before, after, n), draws in zip(middles, drawn.T, strict=True)
    ]
    n = len(known)
    made = [
        StageGain(
            pipeline.stages[k].name, gains[known.index(k)] if k in known else None,
            gains[n + known.index(k)] if k in known else None, pipeline.truths(k), passes.calls[k],
            passes.seconds[k] / max(passes.calls[k], 1), beside(pipeline, k),
        )
        for k in stages
    ]  # fmt: skip
    told = {i: g.gain for i in range(n) if (g := gains[n + i]) is not None}
    ranking = sorted(told, key=lambda i: -told[i])
    first = float(np.mean(np.nan_to_num(drawn[:, n : 2 * n], nan=-np.inf).argmax(1) == ranking[0]))
    baseline = _value(pipeline, ends[chain[0]], list(range(len(pipeline.items))))
    return Study(
        pipeline, baseline, gains[-1], made, [pipeline.stages[known[i]].name for i in ranking], first, len(drawn),
        len(groups) if len(groups) < len(pipeline.items) else None,
    )  # fmt: skip


Ends = dict[Swapped, dict[int, Any]]


def _ends(passes: Passes, sets: list[Swapped], progress: Callable[[str], None]) -> Ends:
    """Return for each set the last results (or their figures, where each has one) of the items with its truths."""
    pipeline = passes.pipeline
    found: Ends = {s: {} for s in sets}
    for i in range(len(pipeline.items)):
        progress(f"item {i + 1:,} of {len(pipeline.items):,}")
        for s, end in passes.ends(i, sets).items():
            found[s][i] = judged(pipeline, end, i) if pipeline.each else end
    return found


def beside(pipeline: Pipeline, stage: int) -> bool:
    """Tell whether something after a stage takes the result of one before it."""
    before = {s.name for s in pipeline.stages[:stage]}
    return any(source in before for later in pipeline.stages[stage + 1 :] for _, source in later.takes)


def _groups(pipeline: Pipeline) -> list[list[int]]:
    """Return the items that belong together: by their ``group``, else each by itself."""
    found: dict[object, list[int]] = {}
    for i, item in enumerate(pipeline.items):
        key = item.get(GROUP)
        found.setdefault(("item", i) if key is None else ("group", str(key)), []).append(i)
    return list(found.values())


def _sign(pipeline: Pipeline) -> float:
    return -1.0 if pipeline.falls else 1.0


def _value(pipeline: Pipeline, ends: dict[int, Any], items: list[int]) -> float:
    """Return the figure of these items, some of them perhaps more than once."""
    if pipeline.each:
        return float(np.mean([ends[i] for i in items]))
    return judged_all(pipeline.judge, [ends[i] for i in items], [pipeline.items[i] for i in items])


def _between(pipeline: Pipeline, ends: Ends, pair: tuple[Swapped, Swapped]) -> tuple[float, float, int]:
    """Return the figures before and after, over the items that have both; NaN where none has."""
    items = [i for i in ends[pair[0]] if i in ends[pair[1]]]
    if not items:
        return float("nan"), float("nan"), 0
    before, after = (_value(pipeline, ends[s], items) for s in pair)
    return before, after, len(items)


def _redrawn(
    pipeline: Pipeline,
    ends: Ends,
    pairs: list[tuple[Swapped, Swapped]],
    groups: list[list[int]],
    seed: int,
    progress: Callable[[str], None],
) -> Numbers:
    """Return the gain of each pair (columns) for each draw of as many groups of items as there are (rows)."""
    rng = np.random.default_rng(seed)
    if pipeline.each:
        return _redrawn_means(pipeline, ends, pairs, groups, rng)
    progress("redrawing the items")
    rows: list[list[float]] = []
    started = time.monotonic()
    while len(rows) < DRAWS and (len(rows) < DRAWS_MIN or time.monotonic() - started < REDRAW_SECONDS):
        items = [i for g in rng.integers(0, len(groups), len(groups)) for i in groups[g]]
        known: dict[tuple[Swapped, Swapped], float] = {}
        row = []
        for a, b in pairs:
            both = [i for i in items if i in ends[a] and i in ends[b]]
            told = a | b  # which decides what is in both
            before, after = (_drawn_value(pipeline, ends[s], both, known, (s, told if len(both) < len(items) else s))
                             for s in (a, b))  # fmt: skip
            row.append(_sign(pipeline) * (after - before))
        rows.append(row)
    return np.array(rows)


def _drawn_value(
    pipeline: Pipeline,
    ends: dict[int, Any],
    items: list[int],
    known: dict[tuple[Swapped, Swapped], float],
    key: tuple[Swapped, Swapped],
) -> float:
    """Return the figure of drawn items, computed once a draw; NaN where it has none, such as items of one class."""
    if key not in known:
        try:
            known[key] = _value(pipeline, ends, items)
        except LadderError:
            known[key] = float("nan")
    return known[key]


def _redrawn_means(
    pipeline: Pipeline,
    ends: Ends,
    pairs: list[tuple[Swapped, Swapped]],
    groups: list[list[int]],
    rng: np.random.Generator,
) -> Numbers:
    """Do the same for figures that are means over items, all pairs of a draw at once."""
    n = len(pipeline.items)
    sums, counts = np.zeros((len(groups), len(pairs))), np.zeros((len(groups), len(pairs)))
    group_of = np.empty(n, np.int64)
    for g, members in enumerate(groups):
        group_of[members] = g
    for j, (a, b) in enumerate(pairs):
        both = [i for i in ends[a] if i in ends[b]]
        rises = np.array([ends[b][i] - ends[a][i] for i in both])
        np.add.at(sums[:, j], group_of[both], _sign(pipeline) * rises)
        np.add.at(counts[:, j], group_of[both], 1.0)
    found = []
    share = np.full(len(groups), 1 / len(groups))
    for _ in range(0, DRAWS, CHUNK):
        taken = rng.multinomial(len(groups), share, size=CHUNK).astype(float)
        many = taken @ counts
        found.append(np.divide(taken @ sums, many, out=np.full_like(many, np.nan), where=many > 0))
    return np.concatenate(found)


def _interval(draws: Numbers) -> tuple[float, float]:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low) + 0.0, float(high) + 0.0  # no minus before a 0
