"""A dropout with another probability, or switched off in evaluation."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session

ATTENTION = "scaled_dot_product_attention"


class Dropout(AtSite):
    """Changes ``p``, or whether the call is active."""

    def before(self, call: Call) -> None:
        """Change the call, if it is the one; in evaluation as well."""
        if self.matches(call):
            self.change(call)

    def change(self, call: Call) -> None:
        """Change one call."""
        position, keyword = (4, "dropout_p") if call.name == ATTENTION else (1, "p")
        if self.args.get("p") is not None:
            call.replace(position, keyword, self.args["p"])
        running = self.session.modules.running()
        if self.args.get("gate") and running is not None and not running.training:
            call.func(*call.args, **call.kwargs)  # what is drawn later shall be what the program drew
            call.replace(position, keyword, 0.0)


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``, ``function``, ``module``; ``p``, or ``gate`` to follow the model's mode."""
    listen(session, Dropout(session, args))
