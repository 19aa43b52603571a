"""Pass over one call: its operand goes on unchanged (a softmax, a ReLU, a detach, a no_grad)."""

from typing import Any

import torch

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class SkipCall(AtSite):
    """The call returns its first argument."""

    def change(self, call: Call) -> None:
        """Answer in the function's place."""
        call.answered, call.out = True, call.args[0] if call.args else call.kwargs["input"]


class WithGrad:
    """Calls under no_grad inside a training forward run with grad."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def before(self, call: Call) -> None:
        """Run the call with grad, if the forward pass it belongs to began with grad."""
        if not torch.is_grad_enabled() and self.session.modules.in_training_forward():
            with torch.enable_grad():
                call.answered, call.out = True, call.func(*call.args, **call.kwargs)

    def after(self, call: Call) -> None:
        """Nothing after."""


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function`` name the call."""
    if args.get("function") == "no_grad":
        listen(session, WithGrad(session))
    else:
        listen(session, SkipCall(session, args))
