"""What a watched run writes, and to whom: one protocol for the run folder and for every tracker.

Calls arrive in order and from one thread. A sink that raises is dropped with one sentence; the training goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torchladder.core.findings import Finding


@dataclass(frozen=True, slots=True)
class RunStart:
    """How a run began.

    Attributes:
        id: Sorts by time and is unique on a machine ("20261122-073002-4711").
        name: Of the script, or what the user called the run.
        started: Seconds since the epoch (UTC).
        rank, world: Of a distributed run; 0 and 1 elsewhere.
    """

    id: str
    name: str
    command: tuple[str, ...]
    cwd: str
    started: float
    rank: int = 0
    world: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended.

    Attributes:
        state: "ended", "crashed", "interrupted" or "stopped" (by an alert that the user asked to stop on).
        steps: Optimizer steps seen in all.
        seconds: Wall seconds from its start.
        cost: Share of ``seconds`` that the monitor spent.
        verdict: One sentence.
    """

    state: str
    steps: int
    seconds: float
    cost: float
    verdict: str
    findings: tuple[Finding, ...] = ()


class Sink(Protocol):
    """Somewhere a watched run is written to. Steps count optimizer steps from 0."""

    def started(self, run: RunStart) -> None:
        """Begin."""

    def steps(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Take the scalars of consecutive steps: "loss", "lr" …; NaN and Inf occur."""

    def sample(self, step: int, values: Mapping[str, float]) -> None:
        """Take what was measured at one sampled step, by "quantity/parameter or module"."""

    def histogram(self, step: int, name: str, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Take one histogram: ``len(edges) == len(counts) + 1``."""

    def alert(self, step: int, finding: Finding) -> None:
        """Take a verdict, once."""

    def ended(self, end: RunEnd) -> None:
        """End; nothing is called after."""
