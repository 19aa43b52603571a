"""The first step at which two runs are not the same, bit for bit."""

import struct
from dataclasses import dataclass
from pathlib import Path

from torchladder.runs.layout import PARAMETERS
from torchladder.runs.lines import rows
from torchladder.runs.metrics import scalars
from torchladder.runs.provenance import process_of

LOSS, RATE, OTHER, SUM = range(4)  # of one step in the order in which they come about
END = "parameters at the end"


@dataclass(frozen=True, slots=True)
class Divergence:
    """What a comparison of two runs found.

    Attributes:
        equal: None if the runs recorded nothing that can be compared.
        step: Of the first difference; None where there is none, or where only the end differs.
        what: The quantity that differs first.
        values: It, in the first run and in the second; a number with its bits.
        steps: How many steps each run recorded.
        compared: How many values of each kind were compared.
    """

    equal: bool | None
    step: int | None
    what: str | None
    values: tuple[str, str] | None
    steps: tuple[int, int]
    compared: dict[str, int]


def first_difference(first: Path, second: Path) -> Divergence:
    """Compare what two runs recorded: losses, rates and other scalars of each step, and checksums of parameters.

    A step that only one of them recorded is no difference by itself: one of them may have been killed. Everything
    that both recorded is compared.
    """
    ours, theirs = _everything(first), _everything(second)
    steps = (_steps(ours), _steps(theirs))
    shared = sorted(ours.keys() & theirs.keys())
    compared: dict[str, int] = {}
    for key in shared:
        kind = {LOSS: "losses", RATE: "learning rates", OTHER: "other figures", SUM: "checksums of parameters"}[key[1]]
        compared[kind] = compared.get(kind, 0) + 1
        if not _same(ours[key], theirs[key]):
            values = _told(ours[key]), _told(theirs[key])
            return Divergence(False, key[0], key[2], values, steps, compared)
    ends = process_of(first).get("parameters"), process_of(second).get("parameters")
    if ends[0] and ends[1] and steps[0] == steps[1]:
        compared[END] = 1
        if ends[0] != ends[1]:
            return Divergence(False, None, END, (str(ends[0]), str(ends[1])), steps, compared)
    return Divergence(True if compared else None, None, None, None, steps, compared)


def _everything(folder: Path) -> dict[tuple[int, int, str], float | str]:
    """Return every value of a run by its step, its place within the step, and its name."""
    made: dict[tuple[int, int, str], float | str] = {}
    for step, values in scalars(folder).items():
        for name, value in values.items():
            made[step, {"loss": LOSS, "lr": RATE}.get(name.partition(".")[0], OTHER), name] = value
    for row in rows(folder / PARAMETERS):
        if isinstance(row.get("step"), int):  # after so many steps: behind the last of them
            made[max(row["step"] - 1, 0), SUM, "parameters"] = str(row.get("sum"))
    return made


def _steps(found: dict[tuple[int, int, str], float | str]) -> int:
    return max((step for step, *_ in found), default=-1) + 1


def _same(a: float | str, b: float | str) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (a != a and b != b)  # noqa: PLR0124 - NaN has many forms
    return a == b


def _told(value: float | str) -> str:
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else value
