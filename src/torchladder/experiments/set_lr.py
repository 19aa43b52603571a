"""Every group steps with one given learning rate."""

from typing import Any

from torchladder.experiments.scale_lr import around_step
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``lr``."""
    around_step(session, lambda _group: args["lr"])
