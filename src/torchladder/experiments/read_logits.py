"""Logits pass through a sigmoid before they are compared on one line."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class ReadLogits(AtSite):
    """The first operand becomes a probability."""

    def before(self, call: Call) -> None:
        """Change the call, if it is the one, outside training."""
        if not torch.is_grad_enabled() and self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Change one call."""
        call.args = (torch.sigmoid(call.args[0]), *call.args[1:])


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line`` and ``function`` name the comparison."""
    listen(session, ReadLogits(session, args))
