"""Changes to single calls: a listener that acts where a rule pointed, and nowhere else."""

from abc import ABC, abstractmethod
from typing import Any

import torch

from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class AtSite(ABC):
    """Base of changes to the calls of one function on one line of the user's program."""

    def __init__(self, session: Session, args: dict[str, Any]) -> None:
        self.session, self.args = session, args
        self.path, self.line = args.get("path"), args.get("line")
        self.function = args.get("function")

    def matches(self, call: Call) -> bool:
        """Tell whether this is the call meant; the cheap test first."""
        if self.function is not None and self.function not in {call.name, call.name.strip("_")}:
            return False
        if self.args.get("module") is not None and self._module() != self.args["module"]:
            return False
        place = call.place
        return place is not None and place.line == self.line and place.path == self.path

    def _module(self) -> str | None:
        running = self.session.modules.running()
        return self.session.modules.name_of(running) if running is not None else None

    def before(self, call: Call) -> None:
        """Change the call, if it is the one."""
        if torch.is_grad_enabled() and self.matches(call):
            self.change(call)

    @abstractmethod
    def change(self, call: Call) -> None:
        """Change one call; subclasses say how."""

    def after(self, call: Call) -> None:
        """Leave the result as it is."""
        del call


def listen(session: Session, listener: Any) -> None:
    """Let a change act before anyone else sees the call."""
    session.interceptor.listeners.insert(0, listener)
