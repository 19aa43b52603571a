"""What a rule says: a finding, its place, its evidence and its fixes.

A finding is ``proven`` when its facts suffice, and ``suspected`` when only an experiment can
decide; the ladder promotes a suspicion whose fix cures the rung and drops the others.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from torchladder.core.charts import Chart


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Trust(StrEnum):
    """How far a fix may be trusted: applied unasked, on request, or only shown."""

    EXACT = "exact"
    LIKELY = "likely"
    IDEA = "idea"


class Standing(StrEnum):
    """Whether facts suffice, or an experiment must decide."""

    PROVEN = "proven"
    SUSPECTED = "suspected"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's program; ``path`` is relative to the working folder when inside it."""

    path: str
    line: int
    end_line: int | None = None
    function: str | None = None

    def __str__(self) -> str:
        """Return ``path:line``."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number (or word) beside what was expected."""

    what: str
    value: Any
    unit: str | None = None
    expected: Any = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an experiment changes about a run: the name of a file in ``experiments/`` and its arguments."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fix:
    """A remedy: ``change`` is its form in memory, ``diff`` its form on disk, ``verified`` the outcome.

    ``chart`` draws the losses without it and with it. ``edited`` tells what was tried: True for the files as the
    diff leaves them; False where those did not pass though the change in memory did, so that no diff is shown; None
    for the change in memory.
    """

    title: str
    trust: Trust = Trust.LIKELY
    change: Change | None = None
    diff: str | None = None
    verified: bool | None = None
    before: Measurement | None = None
    after: Measurement | None = None
    seconds: float | None = None
    chart: Chart | None = None
    edited: bool | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired.

    Attributes:
        where: The user's lines, the most telling first.
        seen: At most three measurements.
        remark: What the excerpt's underline says, after the carets.
        standing: PROVEN, or SUSPECTED until an experiment decides.
        phase: Which training phase (optimizer) it is about, None for the whole program.
    """

    code: str
    name: str
    severity: Severity
    rung: int
    message: str
    where: tuple[Place, ...] = ()
    module: str | None = None
    seen: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    symptom_of: str | None = None
    fixes: tuple[Fix, ...] = ()
    remark: str | None = None
    standing: Standing = Standing.PROVEN
    phase: int | None = None
