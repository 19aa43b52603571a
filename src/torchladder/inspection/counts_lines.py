"""What was counted, beside what sound data has, one line a check."""

from collections.abc import Iterator

from torchladder.core.facts import Facts
from torchladder.core.set_facts import SetFact
from torchladder.inspection.line import Line

ALONE = "there is no held-out side"


def lines(facts: Facts) -> Iterator[Line]:
    """Yield a line for each rule that judges what was counted."""
    sets = facts.sets or ()
    if not sets:
        return
    yield _values(sets)
    yield from _columns(sets[0])
    yield from _labels(sets)
    yield _preparation(facts)


def _values(sets: tuple[SetFact, ...]) -> Line:
    missing = sum(c.missing for s in sets for c in s.columns)
    infinite = sum(c.infinite for s in sets for c in s.columns)
    arrays = sum(s.nonfinite for s in sets if not any(c.missing or c.infinite for c in s.columns))
    unlabelled = sum(s.labels.missing for s in sets if s.labels is not None)
    found = ((missing, "missing"), (infinite, "infinite"), (arrays, "not finite"), (unlabelled, "labels missing"))
    parts = [f"{n:,} {what}" for n, what in found if n]
    return Line("missing or infinite values", ("TL102",), ", ".join(parts) or "0", "0")


def _columns(train: SetFact) -> Iterator[Line]:
    n = len(train.columns)
    if not n:
        why = "samples are no rows of named columns"
        for what, code in (("columns that never vary", "TL103"), ("columns that are copies", "TL127")):
            yield Line(what, (code,), None, "0", why)
        yield Line("scales of the columns", ("TL101",), None, None, why)
        return
    yield Line("columns that never vary", ("TL103",), f"{sum(c.constant for c in train.columns)} of {n}", "0")
    yield Line("columns that are copies", ("TL127",), f"{len(train.same)} of {n}", "0")
    spreads = [c.std for c in train.columns if c.std]
    if not spreads:
        yield Line("scales of the columns", ("TL101",), None, None, "no column holds numbers that vary")
        return
    ratio = f"up to {max(spreads) / min(spreads):,.0f} to 1"
    yield Line("scales of the columns", ("TL101",), ratio, "below 100 to 1")


def _labels(sets: tuple[SetFact, ...]) -> Iterator[Line]:
    labels = sets[0].labels
    if labels is None or not labels.classes:
        why = "labels are values, not classes" if labels is not None else "there are no labels (--label)"
        for what, code in (("class balance", "TL108"), ("labels in range", "TL105"), ("classes on all sides", "TL123")):
            yield Line(what, (code,), None, None, why)
        return
    counts = labels.counts
    yield Line(
        "class balance", ("TL108",), f"{max(counts.values()) / min(counts.values()):.1f} to 1", "at most 10 to 1"
    )
    numbered = labels.numbers and labels.low is not None and labels.high is not None
    value = f"{labels.low:g} to {labels.high:g}" if numbered else f"{len(counts):,} names"
    yield Line("labels in range", ("TL105",), value, f"0 to {len(counts) - 1}" if labels.numbers else None)
    held = [s.labels for s in sets[1:] if s.labels is not None and s.labels.classes]
    if not held:
        yield Line("classes on all sides", ("TL123",), None, None, ALONE)
        return
    odd = sum(len(set(counts) ^ set(h.counts)) for h in held)
    yield Line("classes that one side lacks", ("TL123",), str(odd), "0")


def _preparation(facts: Facts) -> Line:
    check = "columns fitted on both sides"
    if len(facts.sets or ()) < 2:  # noqa: PLR2004 - training and another
        return Line(check, ("TL112",), None, "0", ALONE)
    found = next(iter(facts.preparations or ()), None)
    return Line(check, ("TL112",), f"{found.columns} of {found.judged}, {found.how}" if found else "0", "0")
