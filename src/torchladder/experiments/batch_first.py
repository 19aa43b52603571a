"""A reshape whose operand has the batch on axis 0."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class BatchFirst(AtSite):
    """Moves the batch to the front before the sizes are joined."""

    def before(self, call: Call) -> None:
        """Change the call, if it is the one: in evaluation, too."""
        if call.name == self.function and self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Answer one call with the same sizes of the transposed operand."""
        axis = self.args["axis"]
        if call.args[0].dim() > axis:
            shape = call.func(*call.args, **call.kwargs).shape
            call.out = call.args[0].transpose(0, axis).reshape(shape)
            call.answered = True


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``axis``."""
    listen(session, BatchFirst(session, args))
