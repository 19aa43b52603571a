"""Observers whose failure is noted and stops nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchladder.probes.session import Session


def guarded(session: "Session", name: str, look: Callable[..., None]) -> Callable[..., None]:
    """Return ``look`` with its exceptions kept among the session's failures."""

    def call(*args: Any) -> None:
        try:
            look(*args)
        except Exception as error:
            session.failed(name, error)

    return call
