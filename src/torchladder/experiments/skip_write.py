"""Writes to parameters on one line, once training has begun, are passed over."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class SkipWrite(AtSite):
    """In-place calls of one function on one line do nothing."""

    def before(self, call: Call) -> None:
        """Pass over the call, if it is the one; with gradients or without."""
        if self.session.steps and self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Answer in the function's place."""
        call.answered, call.out = True, None if call.name == "data.__set__" else call.args[0]

    def matches(self, call: Call) -> bool:
        """Tell whether this writes to memory in place, on that line."""
        writes = call.name == "data.__set__" or call.name.startswith(("__i", "__set")) or call.name.endswith("_")
        return writes and not call.name.startswith("__get") and super().matches(call)


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path`` and ``line`` name the write."""
    listen(session, SkipWrite(session, args))
