"""Gradients are not clipped: every limit is infinite."""

from typing import Any

from torchladder.probes.clips import Clips
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """Arguments are for the edit of the source alone."""
    probe = session.probes["clips"]
    assert isinstance(probe, Clips)
    probe.pass_over = True
