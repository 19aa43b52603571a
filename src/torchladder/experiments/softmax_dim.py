"""The same softmax along another axis."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class SoftmaxDim(AtSite):
    """Replaces ``dim``."""

    def change(self, call: Call) -> None:
        """Give ``dim`` the wanted value."""
        call.replace(1, "dim", self.args["dim"])


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``dim``."""
    listen(session, SoftmaxDim(session, args))
