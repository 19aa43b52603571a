"""What each side is, as figures for the report: from how it was read and what was counted of it."""

from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.reading_facts import ReadFact
from torchladder.core.set_facts import LabelsFact, SetFact

CLASSES_TOLD = 100


def sides_table(facts: Facts) -> list[dict[str, Any]]:
    """Return one row a side."""
    counted = {(s.role, s.name): s for s in facts.sets or ()}
    return [_row(r, counted.get((r.role, r.name))) for r in facts.reads or ()]


def _row(read: ReadFact, counted: SetFact | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "role": read.role,
        "name": read.name,
        "kind": read.kind,
        "samples": read.rows,
        "read": read.read,
        "complete": read.complete,
        "unreadable": read.lost,
        "told": list(read.told),
    }
    if counted is None:
        return row
    row |= {"shapes": dict(counted.shapes), "dtypes": dict(counted.dtypes), "low": counted.low, "high": counted.high}
    return row | {"columns": len(counted.columns) or None} | _labels(counted.labels)


def _labels(labels: LabelsFact | None) -> dict[str, Any]:
    if labels is None:
        return {"labels": None}
    if not labels.classes:
        return {"labels": "values", "label_low": labels.low, "label_high": labels.high}
    counts = sorted(labels.counts.values())
    most = dict(sorted(labels.counts.items(), key=lambda c: -c[1])[:CLASSES_TOLD])
    ratio = counts[-1] / counts[0] if counts and counts[0] else None
    return {"labels": "classes", "classes": len(counts), "balance": ratio, "label_counts": most}


def summary(facts: Facts) -> str:
    """Return the sides in one line."""
    parts = []
    for read in facts.reads or ():
        rows = read.rows if read.rows is not None else read.read
        share = "" if read.complete else f" ({read.read:,} looked at)"
        parts.append(f"{rows:,} samples in training{share}" if read.role == "train" else f"{rows:,} held out{share}")
    first = next(iter(sides_table(facts)), {})
    if first.get("labels") == "classes":
        parts.append(f"{first['classes']} classes")
    return ", ".join(parts)
