"""Words of a table as values: one type a column, decided once for the whole data set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchladder.sets.block import Array, Block, Fault, Kind
from torchladder.sets.source import Columns

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "#N/A", "?")
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*|\s*[-+]?(inf|infinity)\s*", re.IGNORECASE)
COMMA = re.compile(r"\s*[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][-+]?\d+)?\s*")  # 1.234,5 is 1234.5
SURELY = re.compile(r"\s*[-+]?(0,\d+|\d{4,},\d+|[\d.]+,(\d{1,2}|\d{4,}))([eE][-+]?\d+)?\s*")  # 1,234 may be thousands
WHOLE = re.compile(r"\s*[-+]?\d{1,18}\s*")
TRUTH = {"true": True, "false": False}
MOSTLY = 0.95  # share of a column's values that are numbers, from which the others are called odd
PROSE_WORDS = 5.0  # words a value of a text column has at least on average
ODD_NAMED = 20  # values of a block that are no numbers, named one by one


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, "int", "float", "bool" or "str", and whether its numbers have decimal commas."""

    name: str
    type: str
    comma: bool = False


def kind_of(words: Sequence[str | None]) -> str:
    """Return the type that a column's words have."""
    given = [w for w in words if w is not None and w not in MISSING]
    if not given:
        return "float"
    if all(w.strip().lower() in TRUTH for w in given):
        return "bool"
    if all(WHOLE.fullmatch(w) for w in given):
        return "int" if not any(len(w.strip()) > 1 and w.strip()[0] == "0" for w in given) else "str"
    numbers = sum(NUMBER.fullmatch(w) is not None for w in given)
    return "float" if numbers >= MOSTLY * len(given) else "str"


def is_number(word: str) -> bool:
    """Tell whether a word is a number, with a decimal point or a decimal comma."""
    return NUMBER.fullmatch(word) is not None or SURELY.fullmatch(word) is not None


def with_commas(columns: Mapping[str, Sequence[str | None]]) -> frozenset[str]:
    """Return the columns of numbers with decimal commas, none where each of them may separate thousands."""
    found, sure = set(), False
    for name, words in columns.items():
        given = [w for w in words if w is not None and w not in MISSING]
        fits = sum(COMMA.fullmatch(w) is not None for w in given)
        if fits and fits >= MOSTLY * len(given) and any("," in w for w in given):
            found.add(name)
            sure = sure or any(SURELY.fullmatch(w) for w in given)
    return frozenset(found) if sure else frozenset()


def pointed(word: str) -> str:
    """Return a number with a decimal comma as one with a point."""
    return word.replace(".", "").replace(",", ".")


def is_prose(words: Sequence[str | None]) -> bool:
    """Tell whether a column holds texts: several words each, hardly two alike."""
    given = [w for w in words if w]
    several = sum(len(w.split()) for w in given) / len(given) if given else 0.0
    return several >= PROSE_WORDS and len(set(given)) > 0.5 * len(given)


def typed(words: Array, column: Column, names: Sequence[str]) -> tuple[Array, list[Fault]]:
    """Return a column's words (objects, None for missing) as values, and those that are not of its type."""
    if column.type == "str":
        return np.array([None if w is None or w in MISSING else w for w in words], dtype=object), []
    values = np.full(len(words), np.nan)
    odd: list[Fault] = []
    for i, word in enumerate(words):
        if word is None or word in MISSING:
            continue
        if column.type == "bool" and word.strip().lower() in TRUTH:
            values[i] = TRUTH[word.strip().lower()]
            continue
        try:
            values[i] = float(
                (pointed(word) if column.comma else word).replace("_", "x")
            )  # Python would read 1_000, no other program does
        except ValueError:
            odd.append(Fault(names[i], "mixed", f"column {column.name!r} holds {word[:40]!r}, no number"))
    return values, odd


def as_label(values: Array) -> Array:
    """Return labels as whole numbers where all of them are, else as they are."""
    if values.dtype.kind == "f" and len(values) and bool(np.isfinite(values).all()):
        whole = values.astype(np.int64)
        return whole if bool((whole == values).all()) else values
    return values


def as_times(values: Array) -> Array:
    """Return times as seconds (numbers stay what they are), NaN where there is none."""
    if values.dtype.kind in "fiub":
        return values.astype(float)
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[us]").astype(np.int64).astype(float) / 1e6
        seconds[np.isnat(values)] = np.nan
        return np.asarray(seconds)
    import pandas as pd  # the one thing here that reads dates of any spelling

    parsed = pd.to_datetime(pd.Series(values, dtype=object), errors="coerce", format="mixed", utc=True)
    return as_times(parsed.dt.tz_localize(None).to_numpy())


def as_texts(values: Array) -> tuple[str, ...]:
    """Return values as texts; a missing one is empty."""
    return tuple("" if v is None or v != v else str(v) for v in values)  # noqa: PLR0124 - NaN is not itself


def table_block(
    span: tuple[int, int],
    places: Any,
    names: tuple[str, ...],
    values: dict[str, Array],
    columns: Columns,
    faults: Sequence[Fault] = (),
) -> Block:
    """Return rows as a block: the label, the group, the time and the text apart from the other columns."""
    c = columns
    meant = (c.label, c.group, c.time, c.text, c.predictions)
    label, group, time, text, predictions = (values.get(n) if n is not None else None for n in meant)
    return Block(
        start=span[0],
        stop=span[1],
        kind=Kind.TEXT if columns.text is not None else Kind.TABLE,
        places=np.asarray(places, dtype=np.int64),
        names=names,
        columns={n: v for n, v in values.items() if n not in meant},
        texts=as_texts(text) if text is not None else (),
        labels=as_label(label) if label is not None else None,
        groups=as_label(group) if group is not None else None,
        times=as_times(time) if time is not None else None,
        predictions=as_label(predictions) if predictions is not None else None,
        faults=tuple(faults),
    )
