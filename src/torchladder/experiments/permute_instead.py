"""A view or reshape that became a permute."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session
from torchladder.probes.split_axes import as_moved


class Permute(AtSite):
    """Moves the axes where the program only renamed the sizes."""

    def before(self, call: Call) -> None:
        """Change the call, if it is the one; data is prepared and weights are written without grad too."""
        dims = self.args.get("dims", len(self.args["axes"]))
        if call.name == self.function and call.args[0].dim() == dims and self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Answer one call, where the permute has the sizes that were asked for."""
        given, wanted = call.args[0], call.func(*call.args, **call.kwargs).shape
        if "dims" in self.args:
            how = as_moved(given.shape, wanted)
            moved = given.reshape(how.fine).permute(how.axes).reshape(wanted) if how is not None else given
        else:
            moved = given.permute(*self.args["axes"])
        if moved.shape == wanted != given.shape:
            call.out = moved.contiguous()
            call.answered = True


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``axes``; ``dims`` of the operand where an axis is split or joined as well."""
    listen(session, Permute(session, args))
