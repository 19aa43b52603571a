"""What the differences mean, row by row: helps, hurts, or within noise; and what each part of a combination added."""

import math
import statistics
from dataclasses import dataclass, replace
from enum import StrEnum

from torchladder.ablation.changes import BASELINE, Variant
from torchladder.ablation.plan import SHARES, STEPPED
from torchladder.ablation.statistics import LEVEL, SEEDS_MAX, TWO, Paired, differences, holm, paired, seeds_needed
from torchladder.ablation.study import Study

PLACES_MAX = 6
LITTLE = 0.25  # of what a combination gains: a part that adds no more than this added little


class Verdict(StrEnum):
    """What a change does."""

    HELPS = "helps"
    HURTS = "hurts"
    WITHIN = "within noise"
    SAME = "no difference"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        kind: "simple", "baseline" or "change".
        values: Of the metric, by seed.
        mean, deviation: Of these values.
        paired: Its differences to the baseline; None without one.
        corrected: Their p-value, corrected for the number of changes (Holm).
        cost: What a run costs over what the baseline costs at the same seed, the median.
    """

    name: str
    kind: str
    values: dict[int, float]
    mean: float | None = None
    deviation: float | None = None
    paired: Paired | None = None
    corrected: float | None = None
    verdict: Verdict | None = None
    words: str = ""
    cost: float | None = None
    needed: int | None = None
    failures: dict[int, str] | None = None


@dataclass(frozen=True)
class Scale:
    """How values of a metric are written."""

    factor: float = 1.0
    unit: str = ""
    lower: bool = False

    def value(self, value: float) -> str:
        """Return a value."""
        return f"{100 * value:.2f} %" if self.unit else f"{value:.4g}"

    def difference(self, mean: float, margin: float | None = None) -> str:
        """Return a difference, with half of its interval."""
        if self.unit:
            words = f"{100 * mean:+.2f}"
            return words if margin is None else f"{words} ± {100 * margin:.2f}"
        if not margin:
            return f"{mean:+.3g}" if margin is None else f"{mean:+.3g} ± 0"
        places = 1 - math.floor(math.log10(margin))  # two digits of the margin, and the mean to the same place
        if places > PLACES_MAX:
            return f"{mean:+.2g} ± {margin:.2g}"
        return f"{mean:+.{max(places, 0)}f} ± {margin:.{max(places, 0)}f}"


def scale_of(metric: str, *, lower: bool, shares: bool) -> Scale:
    """Return how a metric is written; shares of one are percent where they are known to be shares."""
    return Scale(100.0, "%", lower) if shares and metric in SHARES else Scale(lower=lower)


def step_of(study: Study) -> float:
    """Return the smallest step of the metric, 0 where it has none."""
    return study.step if study.plan.simple is None or study.metric in STEPPED else 0.0


def rows_of(study: Study) -> list[Row]:
    """Return the table: the simplest predictors, the baseline, the changes in the order they were given."""
    found = [*_simple(study), _row(study, study.plan.variants[0], "baseline")]
    changes = [_settled(_row(study, v, "change"), study) for v in study.plan.changes]
    p = holm([_p_of(r) for r in changes])
    scale = scale_of(study.metric, lower=study.lower, shares=study.plan.simple is not None)
    judged = [_judged(row, corrected, study, scale) for row, corrected in zip(changes, p, strict=True)]
    return found + judged


def _settled(row: Row, study: Study) -> Row:
    """Return a row with the judgement of the look that settled it."""
    early = study.settled.get(row.name)
    return replace(row, paired=early) if early is not None and not row.failures else row


def _p_of(row: Row) -> float:
    """Return the p-value that Holm's method is given; what is settled leaves the level to the others."""
    if row.paired is None or row.paired.p is None:
        return 1.0
    return 0.0 if row.paired.early else row.paired.p


def _simple(study: Study) -> list[Row]:
    result = study.simple
    if result is None:
        return []
    if not result.ended:
        return [Row("simplest", "simple", {}, verdict=Verdict.FAILED, words=result.sentence)]
    found = []
    for name, value in result.values.items():
        who, _, metric = name.rpartition("/")
        if metric == study.metric:
            found.append(Row(who, "simple", {0: value}, value))
    return found


def _row(study: Study, variant: Variant, kind: str) -> Row:
    values = study.values(variant.name)
    several = list(values.values())
    found = study.differences(variant.name) if kind == "change" else []
    return Row(
        variant.name,
        kind,
        values,
        statistics.fmean(several) if several else None,
        statistics.stdev(several) if len(several) >= TWO else None,
        paired(found, step_of(study)) if found else None,
        cost=_cost(study, variant),
        failures=study.failures(variant.name),
        verdict=Verdict.FAILED if not several and study.results[variant.name] else None,
    )


def _cost(study: Study, variant: Variant) -> float | None:
    base, own = study.results[BASELINE], study.results[variant.name]
    ratios = [
        own[s].cost / base[s].cost
        for s in own.keys() & base.keys()
        if own[s].ended and base[s].ended and base[s].cost > 0
    ]
    return statistics.median(ratios) if ratios else None


def _judged(row: Row, corrected: float, study: Study, scale: Scale) -> Row:
    """Return a change with its verdict."""
    count = len(study.plan.changes)
    one = row.paired
    needed = None
    if one is not None and one.deviation:
        needed = seeds_needed(one.mean, one.deviation, count)
        needed = needed and max(needed, one.n + 1)  # what these seeds did not settle takes more of them
    verdict, words = _verdict(row, corrected, study, scale, needed)
    shown = None if one is None or one.p is None else one.p if one.early else corrected
    return replace(row, corrected=shown, verdict=verdict, words=words,
                   needed=needed)  # fmt: skip


def _verdict(row: Row, corrected: float, study: Study, scale: Scale, needed: int | None) -> tuple[Verdict, str]:
    count = len(study.plan.changes)
    one, failures = row.paired, row.failures or {}
    if failures:
        return Verdict.FAILED, _failure(failures, len(study.results[row.name]))
    if one is None:
        what = "not run yet" if study.interrupted else "the baseline has no run at the same seed"
        return Verdict.UNKNOWN, what
    seen = scale.difference(one.mean, one.margin)
    if one.p is None:
        return Verdict.UNKNOWN, f"{seen} at one seed: no spread, so no verdict; --seeds 3 makes three"
    if study.is_repeating():
        return Verdict.UNKNOWN, "every seed gave the same figures: does the seed reach the program?"
    if one.mean == 0 and not one.deviation:
        return Verdict.SAME, f"no difference: equal at each of {one.n} seeds"
    if corrected <= LEVEL:
        better = (one.mean < 0) == scale.lower
        return (Verdict.HELPS if better else Verdict.HURTS), f"{'helps' if better else 'hurts'}: {seen}"
    words = f"within noise: {seen} over {one.n} seeds"
    if one.p <= LEVEL:
        words = f"within the noise of {count} comparisons: {seen} over {one.n} seeds"
    if needed is not None:
        return Verdict.WITHIN, f"{words}; about {needed} seeds would settle it"
    more = f"; more than {SEEDS_MAX:,} seeds" if one.mean else ""
    return Verdict.WITHIN, f"{words}{more}{' would settle it' if more else ''}"


def _failure(failures: dict[int, str], runs: int) -> str:
    sentence = next(iter(failures.values()))
    if len(failures) == runs:
        return f"failed: {sentence}"
    seeds = ", ".join(map(str, failures))
    return f"failed at {len(failures)} of {runs} seeds ({seeds}), so it is not judged: {sentence}"


def combinations(study: Study, scale: Scale) -> list[str]:
    """Return what each change added on top of the others, where a combination and its parts were run."""
    by_parts = {v.parts: v for v in study.plan.changes}
    told = []
    for whole in study.plan.changes:
        if len(whole.parts) < TWO:
            continue
        for part in study.plan.changes:
            rest = by_parts.get(whole.parts - part.parts)
            if rest is not None and part.parts < whole.parts:
                words = _added(study, whole, part, rest, scale)
                told += [words] if words else []
    return told


def _added(study: Study, whole: Variant, part: Variant, rest: Variant, scale: Scale) -> str | None:
    """Return what one part of a combination added to the rest of it."""
    on_top = differences(study.values(whole.name), study.values(rest.name))
    alone, total = study.differences(part.name), study.differences(whole.name)
    if not on_top or not alone or not total:
        return None
    one = paired(on_top, step_of(study))
    by_itself, gain = statistics.fmean(alone), statistics.fmean(total)
    noise = one.p is None or one.p > LEVEL
    little = noise and max(abs(one.mean), abs(by_itself)) <= LITTLE * abs(gain)
    figures = f"{scale.difference(by_itself)} alone, {scale.difference(one.mean, one.margin)} on top of {rest.name}"
    return f"{part.name} added little: {figures}" if little else f"{part.name}: {figures}"
