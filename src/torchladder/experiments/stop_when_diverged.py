"""A run whose loss is no number twice running, or far above where it began, is over: more steps say nothing new."""

import math
from typing import Any

from torchladder.probes.phases import Phase
from torchladder.probes.session import Session

ABOVE = 10.0  # times the first loss higher, averaged over the last steps
STEPS = 10  # that are averaged


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    recent: list[float] = []
    first: list[float] = []

    def look(phase: Phase | None) -> None:
        if phase is None or phase.id != 0 or not phase.losses or not phase.losses[-1]:
            return
        recent.append(sum(float(v) for v in phase.losses[-1]))
        if not first:
            first.append(recent[0])
        del recent[:-STEPS]
        if not any(map(math.isfinite, recent[-2:])) and len(recent) > 1:
            session.control.stop("diverged")
        if len(recent) == STEPS and sum(recent) / STEPS > first[0] + ABOVE * abs(first[0]):
            session.control.stop("diverged")

    session.on_step.append(look)
