"""A seed is set the first time its line is reached, and not again."""

from typing import Any

from torchladder.core.findings import Place
from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:
    """``path`` and ``line`` name the call."""
    reached = 0

    def keep(place: Place | None) -> bool:
        nonlocal reached
        if place is None or place.path != args.get("path") or place.line != args.get("line"):
            return False
        reached += 1
        return reached > 1

    seeds: Any = session.probes.get("seeds")
    if seeds is not None:
        seeds.keep = keep
