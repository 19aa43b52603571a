"""Observers whose failure is noted and stops nothing."""

import functools
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


def unfailing(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for a probe's hooks: an exception is noted, and the hook returns None."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(probe: Any, *args: Any) -> Any:
            try:
                return method(probe, *args)
            except Exception as error:
                probe.session.failed(name, error)
                return None

        return call

    return decorate
