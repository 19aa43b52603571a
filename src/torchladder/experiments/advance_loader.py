"""``next(iter(loader))`` goes on where it was, instead of starting anew."""

from typing import Any

from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    session.loaders.advance = True
