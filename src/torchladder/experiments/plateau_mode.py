"""ReduceLROnPlateau watches its metric the other way: larger is better, or smaller is."""

import functools
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from torchladder.probes.session import Session


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001 - every one of the program's
    """``mode``: "min" or "max"."""
    original = ReduceLROnPlateau.__init__

    @functools.wraps(original)
    def init(made: Any, optimizer: Any, mode: str = "min", *rest: Any, **kwargs: Any) -> None:
        del mode
        original(made, optimizer, args["mode"], *rest, **kwargs)

    ReduceLROnPlateau.__init__ = init  # type: ignore[assignment,method-assign]
