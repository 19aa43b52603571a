"""Class indices or binary labels moved by a constant, where the loss is called."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class Offset(AtSite):
    """Adds ``offset`` to the target, after multiplying it by ``scale``."""

    def change(self, call: Call) -> None:
        """Move the labels; padding marked by a negative index stays."""
        target = call.argument(1, "target")
        moved = target * self.args.get("scale", 1) + self.args["offset"]
        call.replace(1, "target", moved.to(target.dtype))


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``offset``, optionally ``function`` and ``scale``."""
    listen(session, Offset(session, args))
