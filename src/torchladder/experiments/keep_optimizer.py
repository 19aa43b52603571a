"""An optimizer that is made anew over the same tensors goes on with the state of the one before."""

from typing import Any

from torchladder.probes.renewals import Renewals
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    probe = session.probes["renewals"]
    assert isinstance(probe, Renewals)
    probe.keep_state = True
