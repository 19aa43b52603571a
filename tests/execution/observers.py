"""Observers that the runs of these tests attach; they must be importable in every process."""

import os
from typing import Any

from torchladder.runner.control import Control


class Steps:
    """Counts optimizer steps and stops after ``most``."""

    def __init__(self, control: Control, most: int | None) -> None:
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self._control = control
        self._most = most
        self._count = 0
        register_optimizer_step_post_hook(self._after_step)

    def _after_step(self, *_: Any) -> None:
        self._count += 1
        if self._count == self._most:
            self._control.stop("enough steps")

    def collect(self) -> dict[str, Any]:
        """Return the count, and which process counted."""
        return {"steps": self._count, "pid": os.getpid(), "rank": os.environ.get("RANK")}


def steps(control: Control, options: dict[str, Any]) -> Steps:
    """Count steps."""
    return Steps(control, options.get("most"))


def unable_to_attach(_control: Control, _options: dict[str, Any]) -> Steps:
    """Fail at once."""
    message = "cannot attach"
    raise RuntimeError(message)


class _Unable:
    def collect(self) -> dict[str, Any]:
        """Fail at the end."""
        message = "cannot collect"
        raise RuntimeError(message)


def unable_to_collect(_control: Control, _options: dict[str, Any]) -> _Unable:
    """Attach, and fail at the end."""
    return _Unable()
