"""A view or reshape that became a permute."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class Permute(AtSite):
    """Moves the axes where the program only renamed the sizes."""

    def before(self, call: Call) -> None:
        """Change the call, if it is the one; data is prepared and weights are written without grad too."""
        if call.name == self.function and call.args[0].dim() == len(self.args["axes"]) and self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Answer one call, where the permute has the sizes that were asked for."""
        moved = call.args[0].permute(*self.args["axes"])
        if moved.shape == call.func(*call.args, **call.kwargs).shape != call.args[0].shape:
            call.out = moved.contiguous()
            call.answered = True


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``axes``."""
    listen(session, Permute(session, args))
