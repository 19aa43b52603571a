"""A sequence loss leaves out the positions of one id."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class IgnoreIndex(AtSite):
    """Gives the loss call an ``ignore_index``."""

    def change(self, call: Call) -> None:
        """Pass the id as the one to leave out."""
        call.replace(4, "ignore_index", self.args["id"])


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``id``."""
    listen(session, IgnoreIndex(session, args))
