"""A metric read from what a program prints or writes: the last value under its name."""

import csv
import difflib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf(?:inity)?"
BETWEEN = r"(?:[\"']?\s*(?:[:=]|->|is\b)\s*|\s+)(?:tensor\()?[\"']?"
NAMED = re.compile(rf"([A-Za-z][\w/.@-]*)[\"']?\s*[:=]\s*({NUMBER})(?![\w.])", re.IGNORECASE)
SHOWN = 6
LOWER = re.compile(r"loss|error|rmse|mse|mae|perplexity|ppl|nll|wer|cer|bpc|fid|brier|ece", re.IGNORECASE)


class NoMetric(Exception):  # noqa: N818 - reads as what happened
    """The metric is not there."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, the smallest step that its digits show, and where it stood."""

    value: float
    step: float
    where: str


def lower_is_better(name: str) -> bool:
    """Tell by its name whether a metric is to be small."""
    words = re.split(r"[\W_]+", name.lower())
    return any(LOWER.fullmatch(w) for w in words)


def from_text(text: str, name: str) -> Reading:
    """Return the last value that a text gives under a name: ``name: 0.93``, ``name=93%``, ``"name": 0.93``.

    Raises:
        NoMetric: If there is none, or it is no number.
    """
    words = r"\s+".join(map(re.escape, name.split()))
    pattern = re.compile(rf"(?<![\w./-]){words}{BETWEEN}({NUMBER})(?![\w.]*[A-Za-z])", re.IGNORECASE)
    found = None
    for line in text.splitlines():
        for match in pattern.finditer(line):
            found = (match[1], line.strip())
    if found is None:
        seen = list(dict.fromkeys(m[1] for m in NAMED.finditer(text)))
        raise NoMetric(_absent(f"the run printed no {name}", name, seen))
    return _reading(found[0], f"{name} from the line {found[1][:100]!r}", name)


def from_file(path: Path, name: str) -> Reading:
    """Return the last value that a JSON, JSON lines, CSV or TSV file gives under a name.

    Raises:
        NoMetric: If there is none, or it is no number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = _rows(text, path.suffix.lower())
    except (OSError, ValueError, csv.Error) as error:
        msg = f"{path.name} cannot be read: {error}"
        raise NoMetric(msg) from None
    known: dict[str, Any] = {}
    for row in rows:  # the last one that has it
        known |= {k: v for k, v in _flat(row).items() if v not in {None, ""}}
    by_last = {k.rpartition(".")[2]: k for k in known}
    key = name if name in known else by_last.get(name)
    if key is None:
        raise NoMetric(_absent(f"{path.name} has no {name}", name, list(known)))
    return _reading(str(known[key]), f"{key} from {path.name}", name)


def _rows(text: str, suffix: str) -> list[Any]:
    if suffix in {".csv", ".tsv"}:
        return list(csv.DictReader(text.splitlines(), delimiter="\t" if suffix == ".tsv" else ","))
    try:
        whole = json.loads(text, parse_float=str)
    except ValueError:
        return [json.loads(line, parse_float=str) for line in text.splitlines() if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _flat(value: Any, above: str = "") -> dict[str, Any]:
    """Return the numbers of nested values, as "test.accuracy"; of a list the last one."""
    if isinstance(value, dict):
        return {k: v for name, inner in value.items() for k, v in _flat(inner, f"{above}.{name}".strip(".")).items()}
    if isinstance(value, list):
        return _flat(value[-1], above) if value else {}
    return {above: value}


def _reading(word: str, where: str, name: str) -> Reading:
    try:
        value = float(word.replace(",", ""))
    except ValueError:
        msg = f"{name} is {word[:40]!r}, no number"
        raise NoMetric(msg) from None
    if not math.isfinite(value):
        msg = f"{name} is {word}"
        raise NoMetric(msg)
    mantissa, _, power = word.lower().partition("e")
    places = len(mantissa.partition(".")[2]) - int(power or 0)
    return Reading(value, 10.0**-places, where)


def _absent(what: str, name: str, seen: list[str]) -> str:
    near = difflib.get_close_matches(name, seen, n=3, cutoff=0.5)
    if near:
        return f"{what}; the nearest: {', '.join(near)}"
    return f"{what}; it gives {', '.join(seen[:SHOWN])}" if seen else f"{what}, nor any other number with a name"
