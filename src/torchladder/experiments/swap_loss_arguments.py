"""Prediction and target change places."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class Swap(AtSite):
    """Exchanges the first two arguments."""

    def change(self, call: Call) -> None:
        """Exchange them, however they were passed."""
        first, second = call.argument(0, "input"), call.argument(1, "target")
        call.replace(0, "input", second)
        call.replace(1, "target", first)


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``."""
    listen(session, Swap(session, args))
