"""A watch inside another library's loop, which tells only when it begins and when it ends."""

import atexit
import sys
from types import TracebackType
from typing import Any

from torchladder.monitor.watch import Watch as Eye


class Guest:
    """Opens a watch and closes it exactly once: at the end, at an error, or when the interpreter leaves.

    Inside a watch of the user's own it keeps still.

    Attributes:
        run: The watch of the latest training, None before the first.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        Eye(**options)  # an impossible option is said here, not hours later
        self.options = options
        self.run: Eye | None = None
        self._open = False
        self._before: BaseException | None = None  # handled while the training began

    def enter(self) -> None:
        """Begin; a training that never told of its end has ended with an error."""
        self.leave(None, state="crashed")
        if Eye.active is None:
            self.run = Eye(**self.options)
            self.run.__enter__()
            self._open, self._before = True, sys.exception()
            atexit.register(self._at_exit)

    def on_its_way(self) -> BaseException | None:
        """Return the error that is being handled now and was not when the training began."""
        error = sys.exception()
        return error if error is not self._before else None

    def leave(self, error: BaseException | None, *, state: str = "ended") -> None:
        """End, with the error that the training ended with."""
        if not self._open or self.run is None:
            return
        self._open = False
        atexit.unregister(self._at_exit)
        self.run.state = state
        trace: TracebackType | None = error.__traceback__ if error is not None else None
        self.run.__exit__(type(error) if error is not None else None, error, trace)

    def _at_exit(self) -> None:
        """The program is over, perhaps by an error that nobody caught."""
        error = getattr(sys, "last_value", None)
        self.leave(error if isinstance(error, BaseException) else None)
