"""The learning rate stays at its base (``max_lr`` of a one-cycle, ``initial_lr`` of other schedules)."""

from typing import Any

from torchladder.experiments.scale_lr import around_step
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    around_step(session, lambda g: g.get("max_lr", g.get("initial_lr", g["lr"])))
