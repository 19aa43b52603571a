"""The report: what each rung said, the cause first, and one sentence.

``verdict`` is "broken" when a finding of severity error or warning stands, "healthy" when every
rung climbed passed, "undecided" when nothing was found but some rung could not be judged.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from torchladder.core.charts import Chart, HeatMap
from torchladder.core.findings import Finding


class State(StrEnum):
    """How a rung ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RungResult:
    """One rung: its state, the line shown for it, its figures, and which rules could not tell."""

    rung: int
    name: str
    state: State
    summary: str
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    clear: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a renderer needs; round-trips through JSON (``schema`` 1)."""

    schema: int
    tool: str
    script: str
    verdict: str
    sentence: str
    cause: Finding | None
    findings: tuple[Finding, ...]
    rungs: tuple[RungResult, ...]
    environment: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    next: str | None = None
    folder: str | None = None
    pictures: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    exit_status: int = 0
    charts: tuple[Chart, ...] = ()
    maps: tuple[HeatMap, ...] = ()
