"""The figure of each check that no fold speaks for: read from the survey and the counts, beside what is expected."""

import math
from collections.abc import Callable
from typing import Any

from torchladder.core.data_facts import SideFact, SurveyFact
from torchladder.core.facts import Facts
from torchladder.core.set_facts import SetFact
from torchladder.core.shift_facts import ShiftFact
from torchladder.inspection.line import Line

Figure = tuple[str | None, str | None]  # (value, why there is none)
ALIKE = "no held-out set to compare with"
UNLABELLED = "no labels, or too few samples of each class"
OF_PROGRAMS = {"TL116": "transform", "TL117": "rereads", "TL119": "workers"}  # rows that only a program gives


def figures(facts: Facts, codes: list[str], names: dict[str, str]) -> list[Line]:
    """Return one line for each of the rules ``codes``; those about what only a program shows need its rows."""
    lines = []
    for code in codes:
        need = OF_PROGRAMS.get(code)
        if need is not None and not any(getattr(s, need) for s in facts.surveys or ()):
            continue
        words, expected, read = TABLE.get(code, (names.get(code, code).replace("-", " "), None, None))
        value, why = read(facts) if read is not None else ("nothing found", None)
        lines.append(Line(words, (code,), value, expected if value is not None else None, why))
    return lines


def _training(facts: Facts) -> SideFact | None:
    return facts.surveys[0].train if facts.surveys else None


def _survey(facts: Facts) -> SurveyFact | None:
    return facts.surveys[0] if facts.surveys else None


def _sets(facts: Facts) -> tuple[SetFact, ...]:
    return facts.sets or ()


def _scale(facts: Facts) -> Figure:
    side = _training(facts)
    if side is None or side.entry_std is None or side.entry_min is None or side.entry_max is None:
        return None, "no numbers to look at"
    return f"{side.entry_min:.3g} to {side.entry_max:.3g}, deviation {side.entry_std:.3g}", None


def _nonfinite(facts: Facts) -> Figure:
    if facts.sets is None:
        return "none", None
    missing = sum(c.missing for s in _sets(facts) for c in s.columns)
    infinite = sum(c.infinite for s in _sets(facts) for c in s.columns) + sum(s.nonfinite for s in _sets(facts))
    return f"{infinite:,} NaN or infinite" + (f", {missing:,} missing" if missing else ""), None


def _constant(facts: Facts) -> Figure:
    if facts.sets is None:
        return "none", None
    return f"{sum(c.constant for s in _sets(facts)[:1] for c in s.columns):,}", None


def _equal(facts: Facts) -> Figure:
    return f"{sum(len(s.same) for s in _sets(facts)[:1]):,} pairs", None


def _agreement(facts: Facts) -> Figure:
    side = _training(facts)
    if side is None or side.neighbour_score is None or side.neighbour_chance is None:
        return None, UNLABELLED
    return f"neighbours share a label in {side.neighbour_score:.2f}; chance {side.neighbour_chance:.2f}", None


def _strange(facts: Facts) -> Figure:
    found = [s.labels for s in _sets(facts)]
    if not found or found[0] is None or not found[0].classes:
        return None, "no classes"
    if len(found) == 1:
        return f"{len(found[0].counts):,} classes", None
    new = {c for x in found[1:] if x is not None for c in x.counts if c not in found[0].counts}
    return f"{len(new):,} held-out classes that training lacks", None


def _balance(facts: Facts) -> Figure:
    labels = next((s.labels for s in _sets(facts)), None)
    counts = sorted(labels.counts.values()) if labels is not None and labels.classes else []
    if not counts:
        side = _training(facts)
        counts = sorted(side.label_counts.values()) if side is not None else []
    return (f"{counts[-1] / counts[0]:.1f} : 1", None) if counts and counts[0] else (None, "no classes")


def _overlap(facts: Facts) -> Figure:
    survey = _survey(facts)
    if survey is None or not survey.overlaps:
        return None, ALIKE
    worst = max(survey.overlaps, key=lambda o: o.shared / max(o.compared, 1))
    return f"{worst.shared:,} of {worst.compared:,} held-out samples", None


def _prepared(facts: Facts) -> Figure:
    rows = facts.preparations or ()
    return (
        (f"{sum(r.columns for r in rows):,} columns", None) if rows or facts.preparations is not None else (None, ALIKE)
    )


def _stump(facts: Facts) -> Figure:
    survey = _survey(facts)
    if survey is None or survey.stump is None:
        return None, "no table with labels"
    name = f" (`{survey.stump.name}`)" if survey.stump.name else ""
    return f"one column{name} reaches {survey.stump.alone:.2f}, the others {survey.stump.rest:.2f}", None


def _mismatch(facts: Facts) -> Figure:
    survey = _survey(facts)
    if survey is None or not survey.mismatches:
        return None, ALIKE
    return f"values {max(m.apart for m in survey.mismatches):.2g} deviations apart", None


def _channels(facts: Facts) -> Figure:
    survey = _survey(facts)
    rows = [m for m in survey.mismatches if m.order] if survey is not None else []
    if not rows:
        return None, "no colour pictures on both sides"
    same = all(m.order == tuple(sorted(m.order)) for m in rows)
    return "in the same order" if same else "in another order", None


def _noise(facts: Facts) -> Figure:
    survey = _survey(facts)
    if survey is None or not survey.noise:
        return None, UNLABELLED
    worst = max(survey.noise, key=lambda n: len(n.suspects) / max(n.n, 1))
    return f"{len(worst.suspects):,} of {worst.n:,} contradicted by the rest", None


def _shift(facts: Facts) -> Figure:
    rows = [s for s in facts.shifts or () if s.kind == "covariate" and s.effect is not None]
    if not rows:
        why = next((s.why for s in facts.shifts or () if s.why), None)
        return None, why or ALIKE
    worst: ShiftFact = max(rows, key=lambda s: s.effect or 0.0)
    chance = "" if worst.p is None else f" (p {_probability(worst.p)})"
    return f"a classifier tells the sides apart with area {worst.effect:.2f}{chance}", None


def _probability(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-3 or not math.isfinite(p) else "< 0.001"  # noqa: PLR2004 - below, digits say nothing


def _fewest(facts: Facts) -> Figure:
    rows = [r.read for r in facts.reads or ()]
    return (f"{min(rows):,} in the smallest set", None) if rows else (None, "nothing was read")


Reader = Callable[[Facts], Figure]
TABLE: dict[str, tuple[str, str | None, Any]] = {
    "TL101": ("scale of the inputs", "deviation near 1", _scale),
    "TL102": ("values that are not finite", "0", _nonfinite),
    "TL103": ("constant features", "0", _constant),
    "TL104": ("labels fit their samples", "well above chance", _agreement),
    "TL105": ("labels of both sides", None, _strange),
    "TL108": ("class balance", "below 10 : 1", _balance),
    "TL109": ("samples on both sides", "0", _overlap),
    "TL112": ("scaled by both sides together", "0", _prepared),
    "TL113": ("a column that is the answer", "below the others", _stump),
    "TL114": ("values of both sides", "below 0.5", _mismatch),
    "TL118": ("channels of both sides", "the same", _channels),
    "TL120": ("labels that are likely wrong", "a few", _noise),
    "TL121": ("inputs of both sides", "0.5", _shift),
    "TL123": ("enough samples", "30 or more", _fewest),
    "TL127": ("features that are equal", "0", _equal),
}
