"""A conversion that loses fractions is passed over: the values stay floating."""

from typing import Any

from torchladder.experiments.sites import AtSite, listen
from torchladder.probes.casts import as_floats
from torchladder.probes.interceptor import Call
from torchladder.probes.session import Session


class NoCast(AtSite):
    """Keeps float32 where an integer was made of fractions."""

    def change(self, call: Call) -> None:
        """Answer with the values themselves."""
        source = as_floats(call.args[0]) if call.args else None
        if source is not None and source.is_floating_point():
            call.answered, call.out = True, source.float()


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path``, ``line``."""
    listen(session, NoCast(session, args))
