"""States are handed out as copies, which do not move with the weights."""

from typing import Any

from torchladder.core.findings import Place
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path`` and ``line`` name the call of ``state_dict()``."""

    def copies(place: Place) -> bool:
        return place.path == args.get("path") and place.line == args.get("line")

    checkpoints: Any = session.probes.get("checkpoints")
    if checkpoints is not None:
        checkpoints.copies = copies
