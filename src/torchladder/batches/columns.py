"""The columns of a table in a few lines: range and mean of numbers, the most frequent of words."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from torchladder.sets.block import Array, Block

SHOWN = 40  # columns
MOST = 3  # words of a column
WIDTH = 24  # characters of a name


def summary(blocks: Sequence[Block]) -> list[dict[str, object]]:
    """Return what each column holds."""
    names = list(blocks[0].columns) if blocks else []
    rows: list[dict[str, object]] = []
    for name in names[:SHOWN]:
        parts = [b.columns[name] for b in blocks if name in b.columns]
        kinds = {p.dtype.kind for p in parts}
        values = np.concatenate(parts if len(kinds) == 1 else [p.astype(object) for p in parts])
        rows.append({"column": name, **(_numbers(values) if values.dtype.kind in "fiub" else _words(values))})
    return rows


def _numbers(values: Array) -> dict[str, object]:
    numbers = values.astype(float)
    known = numbers[np.isfinite(numbers)]
    row: dict[str, object] = {"missing": len(numbers) - len(known), "distinct": len(np.unique(known))}
    if len(known):
        row |= {
            "low": float(known.min()),
            "mean": float(known.mean()),
            "high": float(known.max()),
            "std": float(known.std()),
        }
    return row


def _words(values: Array) -> dict[str, object]:
    words = Counter(str(v) for v in values if v is not None and v == v)  # noqa: PLR0124 - NaN is not itself
    return {"missing": len(values) - sum(words.values()), "distinct": len(words), "most": dict(words.most_common(MOST))}


def lines(rows: Sequence[dict[str, object]]) -> list[str]:
    """Return the summary as lines of one width."""
    room = min(max((len(str(r["column"])) for r in rows), default=0), WIDTH)
    return [f"{str(r['column'])[:room]:<{room}}  {_line(r)}" for r in rows]


def _line(row: dict[str, object]) -> str:
    missing = f", {row['missing']:,} missing" if row["missing"] else ""
    if "low" in row:
        return f"{row['low']:.4g} to {row['high']:.4g}, mean {row['mean']:.4g}, deviation {row['std']:.4g}{missing}"
    most = row.get("most")
    words = ", ".join(f"{w[:16]} {n:,}" for w, n in most.items()) if isinstance(most, dict) else "nothing"
    return f"{row['distinct']:,} words: {words}{missing}"
