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
        """Answer one call whose operand has the sizes that were seen (axis 0 may differ)."""
        given = call.args[0]
        if list(given.shape[1:]) == list(self.args["sizes"][1:]):
            call.out = given.permute(*self.args["axes"]).contiguous()
            call.answered = True


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``axes``, ``sizes`` of the operand."""
    listen(session, Permute(session, args))
