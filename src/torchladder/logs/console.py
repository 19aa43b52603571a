"""What a program printed: numbers with names before them, on lines that say which epoch or step they are of.

A progress bar prints the same line many times; the last of an epoch counts. Lines that stand for themselves (a loss
every hundred steps) are a row each. Tables without names in their rows (Ultralytics, fastai, skorch) take them from
the line above.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from torchladder.logs.records import CHUNK, NUMERALS, parsed
from torchladder.logs.roles import AXES, is_measure, role_of, words_of
from torchladder.logs.table import Gathered, LogError, Numbers, Table, full, number

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|NaN|NAN|inf|Inf|infinity)\b"
NAME = r"[A-Za-z][\w./@-]*(?: [A-Za-z][\w./@-]*){0,2}"
PAIR = re.compile(rf"(?P<name>{NAME})['\"]?(?P<sep>\s*[:=]\s*|\s+)['\"]?(?P<value>{NUMBER})(?P<of>%|/\d+(?:\.\d+)?)?")
EPOCH = re.compile(r"\bepochs?['\"]?\s*[:=#]?\s*[\[(]?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
STEP = re.compile(r"\b(?:global[_ ])?(?:steps?|iter(?:ation)?s?|it)['\"]?\s*[:=#]?\s*[\[(]?\s*(\d+)", re.IGNORECASE)
BOOST = re.compile(r"^\[(\d+)\]\s")  # XGBoost, LightGBM: [12]  train-logloss:0.31
METER = re.compile(rf"(?<=\s)({NUMBER})\s+\(\s*({NUMBER})\s*\)")  # of a batch, and the mean since the epoch began
SUMMED = re.compile(r"^\s*\*\s+(?:Acc|Prec)@1\b")  # ends a validation in PyTorch's ImageNet example
INSIDE = re.compile(  # Train Epoch: 1 [640/60000 (1%)], timm's Train: 1 [640/1251 (51%)]
    r"(?:epochs?[^\[]*|^\s*train:\s*\d+\s*)\[\s*(\d+)\s*/\s*(\d+)[^\]]*\]", re.IGNORECASE
)
OF_TIMM = re.compile(r"^\s*Train:\s*(\d+)\s*\[\s*\d+/\d+")
HEADING = re.compile(  # PyTorch's tutorial: "Test Error:", and the figures on the lines beneath
    r"^\W*(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval(?:uation)?)(?: [A-Za-z]+)?\s*:\s*$", re.IGNORECASE
)
SIDE = re.compile(r"^\W*(train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval(?:uation)?)\b", re.IGNORECASE)
BAR = re.compile(r"\d+%\||[━█▏▎▍▌▋▊▉]|\[[=#]*>?[.\s]*\]|\bit/s\b|\bms/step\b|:\s*\d+%\s")
CUT = re.compile(r":\s*\d+%.*$")
COUNTED = re.compile(r"^(\d+)/\d+$")
OVER = re.compile(r"\d+ epochs completed in")
PLAIN = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
MARK = 7001  # numbers of a pattern are counted from here, as nothing else is
LONG = 1 << 20  # bytes from which on a pattern is worth looking for
FORMS = 2000  # of lines whose parts are kept
CELL = "="  # before the names of figures, among what a line says
WORDS_MIN = 3  # of a table's head
SIDES = {"tr": "train", "va": "val", "ev": "val", "te": "test"}


def read(path: Path, source: str) -> Table:
    """Return the table of a console log.

    Raises:
        LogError: If nothing in it is a loss or a score.
    """
    uniform = quickly(path, source)
    if uniform is not None:
        return uniform
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
    rows = Console().read(text)
    gathered = Gathered()
    for row in rows:
        gathered.row((k, v) for k, v in row.items() if k != "line")
    columns = gathered.columns()
    if not any(is_measure(c.name) for c in columns):
        msg = f"{source}: neither a table nor JSON, and no line of it names a loss or a score with its value"
        raise LogError(msg)
    drawn = "\r" in text.replace("\r\n", "")  # then an editor counts other lines than a terminal shows
    lines = None if drawn else np.array([int(r["line"]) for r in rows], dtype=np.int64)
    return Table(source, "console log", gathered.count, columns, lines=lines)


def quickly(path: Path, source: str) -> Table | None:
    """Read a long log whose lines differ in their numbers only as one array; None for any other."""
    with path.open("rb") as file:
        first = file.readline()
        marked, count = _marked(first)
        rows = Console().read(marked)
        if path.stat().st_size < LONG or len(rows) != 1 or b"\x1b" in first or b"\r" in first.rstrip():
            return None
        file.seek(0)
        values = numbers_of(file, first, count)
    if values is None:
        return None
    columns = []
    for name, mark in rows[0].items():
        at = round(mark) - MARK
        if name != "line" and 0 <= at < count and mark == round(mark):
            columns.append(full(name, values[:, at]))
    if not any(is_measure(c.name) for c in columns):
        return None
    return Table(source, "console log", len(values), tuple(columns), 1)


def _marked(line: bytes) -> tuple[str, int]:
    """Return the line with its numbers replaced by marks that tell them apart, and how many there are."""
    count = 0

    def mark(_found: "re.Match[str]") -> str:
        nonlocal count
        count += 1
        return str(MARK + count - 1)

    return PLAIN.sub(mark, line.decode("utf-8", "replace")), count


def numbers_of(file: IO[bytes], first: bytes, count: int) -> Numbers | None:
    """Return the numbers of all lines, a row each; None as soon as a line is built otherwise than the first."""
    shape = first.rstrip(b"\r\n").translate(None, NUMERALS)
    words = sorted({w.encode() for w in PLAIN.split(first.decode("utf-8", "replace").rstrip("\r\n")) if w}, key=len)
    parts = []
    while chunk := file.read(CHUNK):
        body = (chunk + file.readline()).replace(b"\r", b"").rstrip(b"\n")
        lines = body.count(b"\n") + 1
        if body.translate(None, NUMERALS) != b"\n".join([shape] * lines):
            return None
        for word in reversed(words):
            body = body.replace(word, b" ")
        made = parsed(body.replace(b"\n", b" "), " ")
        if made is None or len(made) != lines * count:
            return None
        parts.append(made.reshape(lines, count))
    return np.concatenate(parts)


class Console:
    """Follows the epochs and steps that lines name, and collects rows."""

    def __init__(self) -> None:
        self._epoch: float | None = None
        self._head: list[str] = []
        self._ends: dict[float | None, dict[str, float]] = {}
        self._rows: list[dict[str, float]] = []
        self._recipes: dict[str, list[tuple[str, int]] | None] = {}  # by form of a line; None: read it
        self._once: set[str] = set()
        self._under = "", 0  # the side that a heading named, and the last line of its block

    def read(self, text: str) -> list[dict[str, float]]:
        """Return the rows of a text, each with the number of its line."""
        for n, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
            parts = (ANSI.sub("", line) if "\x1b" in line else line).split("\r")
            if "completed in" in line and any(OVER.search(p) for p in parts):
                break
            for i, part in enumerate(parts):
                if part.strip():
                    self._take(part, n, redrawn=i < len(parts) - 1 or bool(BAR.search(part)))
        return self._rows

    def _take(self, part: str, line: int, *, redrawn: bool) -> None:
        heading = HEADING.match(part) if part.rstrip().endswith(":") else None
        if heading is not None:
            self._under = SIDES[heading[1].lower()[:2]], line
            return
        seen = self._known(part)
        self._epoch = seen.get("epoch", self._epoch)
        measures = {k[1:]: v for k, v in seen.items() if k[0] == CELL}
        if not measures:
            return
        side, last = self._under
        if side and line == last + 1:
            measures = {k if role_of(k).side else f"{side}_{k}": v for k, v in measures.items()}
            self._under = side, line
        step, inside = seen.get("step"), "inside" in seen
        if redrawn or (step is None and not inside and self._epoch is not None):
            self._end(measures, line)
            return
        row = {**measures, "line": float(line)}
        if step is not None:
            row["step"] = step
        if self._epoch is not None:
            row["epoch"] = self._epoch
        if step is None and inside and self._epoch is not None and seen["of"]:
            row["epoch"] = self._epoch - 1 + min(seen["inside"] / seen["of"], 1.0)
        self._rows.append(row)

    def _known(self, part: str) -> dict[str, float]:
        """Return what a line says; lines that differ in their numbers only are taken apart once."""
        if self._head:  # rows of a table are told by its head, not by their own words
            return self._read_line(part)
        form = PLAIN.sub("0", part)
        recipe = self._recipes.get(form)
        if recipe is None:
            seen = self._read_line(part)
            if form not in self._recipes and not self._head:
                self._learn(form, part, seen)
            return seen
        if not recipe:
            return {}
        numbers = PLAIN.findall(part)
        return {name: float(numbers[i]) for name, i in recipe}

    def _learn(self, form: str, part: str, seen: dict[str, float]) -> None:
        """Keep which number of a line is what, from its second time on, if its numbers alone decide what it says."""
        if len(self._recipes) > FORMS:
            return
        if form not in self._once:
            self._once.add(form)
            if len(self._once) > FORMS:
                self._once.clear()
            return
        marked, count = _marked(part.encode())
        places = [(name, round(v) - MARK) for name, v in self._read_line(marked).items()]
        numbers = PLAIN.findall(part)
        fits = all(0 <= i < min(count, len(numbers)) for _, i in places)
        same = fits and {name: float(numbers[i]) for name, i in places} == seen
        self._recipes[form] = places if same and not self._head else None

    def _read_line(self, part: str) -> dict[str, float]:
        """Return the figures of a line by name, and the epoch, step and share of an epoch that it speaks of."""
        part = part.replace("'s ", " ")  # LightGBM: training's binary_logloss
        if len(METER.findall(part)) > 1:
            part = METER.sub(r"\2", part)
        cells = dict(self._table(part))
        if not cells:
            cells = dict(self._pairs(part))
        found = {}
        lower = part.lower()
        epoch = EPOCH.search(part) if "epoch" in lower else OF_TIMM.match(part)
        if epoch and "epochs" not in epoch[0].lower() and not self._is_head(part):
            found["epoch"] = float(epoch[1])
        elif "epoch" in cells:
            found["epoch"] = cells["epoch"]
        measures = {k: v for k, v in cells.items() if k not in AXES}
        if not any(is_measure(k) for k in measures):
            return found
        found |= {CELL + k: v for k, v in measures.items()}
        step = STEP.search(part) or BOOST.match(part)
        if step is not None:
            found["step"] = float(step[1])
        inside = INSIDE.search(part) if epoch else None
        if inside is not None:
            found |= {"inside": float(inside[1]), "of": float(inside[2])}
        return found

    def _end(self, measures: dict[str, float], line: int) -> None:
        """Take what is last said of an epoch."""
        row = self._ends.get(self._epoch)
        again = row is not None and self._epoch is not None and self._rows[-1] is not row
        if row is None or (again and (self._rows[-1].get("epoch") or 0) > (self._epoch or 0)):
            row = self._ends[self._epoch] = {}
            self._rows.append(row)
        row |= measures
        row["line"] = float(line)
        if self._epoch is not None:
            row["epoch"] = self._epoch

    def _pairs(self, part: str) -> Iterator[tuple[str, float]]:
        side = SIDE.match(part)
        prefix = SIDES[side[1].lower()[:2]] if side else "val" if SUMMED.match(part) else ""
        for found in PAIR.finditer(part):
            name = found["name"].strip(" -.")
            words = words_of(name)
            if not words or words[-1] in {"epoch", "epochs"}:
                continue
            named = ":" in found["sep"] or "=" in found["sep"]
            if not named and not is_measure(words[-1]) and not is_measure(name.split()[-1]):
                continue
            value = number(found["value"])
            if value is None:
                continue
            if found["of"] == "%":
                value /= 100
            elif found["of"] and float(found["of"][1:]):
                value /= float(found["of"][1:])
            if prefix and not {"train", "val", "valid", "validation", "test", "eval"} & set(words):
                name = f"{prefix} {name}"
            yield name.replace(" ", "_"), value

    def _is_head(self, part: str) -> bool:
        tokens = CUT.sub("", part).split()
        return len(tokens) >= WORDS_MIN and all(t[0].isalpha() and ":" not in t and "=" not in t for t in tokens)

    def _table(self, part: str) -> Iterator[tuple[str, float]]:
        """Yield the cells of a row of a table whose head was seen."""
        tokens = CUT.sub("", part).split()
        if self._is_head(part) and any(is_measure(t) or t.lower() in AXES for t in tokens):
            self._head = [t.strip("():").lower().removeprefix("box(") for t in tokens]
            return
        if len(tokens) != len(self._head) or not tokens:
            return
        counted = COUNTED.match(tokens[0])
        if not (counted or tokens[0] == "all" or number(tokens[0]) is not None):
            return
        for name, token in zip(self._head, tokens, strict=True):
            value = float(counted[1]) if counted and name in AXES and token == tokens[0] else number(token)
            if value is not None:
                # Ultralytics validates beneath another head, whose first column is the class.
                yield (f"val_{name}" if tokens[0] == "all" else name), value
