"""The model asked about held-out samples as they were, and mapped to what training looked like."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from torchladder.data.moments import as_trained
from torchladder.probes.modules import first_output
from torchladder.probes.questions import asking
from torchladder.probes.scoring import score

if TYPE_CHECKING:
    from torchladder.probes.session import Session

ROWS = 512  # samples the model is asked about
REVERSED = (2, 1, 0)  # colours as the other family of image libraries reads them
PICTURES = 4  # dimensions


def proof(session: "Session", module: Any, train: Any, held: Any, order: tuple[int, ...]) -> dict[str, Any]:
    """Return how the model does on held-out samples: as they are, and in training's scale or channel order.

    Args:
        session: Whose listeners must not see these calls.
        module: The model.
        train: Samples of training.
        held: Samples of the held-out side, with labels.
        order: Another order of the channels to try beside the reversed one, () for none.
    """
    if held.entry is None or held.entry_y is None or train.entry is None or module is None:
        return {}
    x, y = held.entry[:ROWS], held.entry_y[:ROWS]
    maps = {"own": x, "mapped": as_trained(train.entry, held.entry, x)}
    orders = {order, REVERSED if x.ndim == PICTURES and x.shape[1] == len(REVERSED) else ()} - {()}
    figures: dict[str, Any] = {"asked": len(x)}
    session.modules.asking = True
    try:
        with session.quiet(), asking(module):
            for name, given in maps.items():
                found = _score(module, np.asarray(given, dtype=x.dtype), y)
                figures |= {} if found is None else {f"{name}_score": found[1], "kind": found[0]}
            for other in sorted(orders):
                turned = x[:, list(other)]  # also in training's scale: each colour has constants of its own
                for given in (turned, as_trained(train.entry, held.entry[:, list(other)], turned, by_channel=True)):
                    found = _score(module, np.asarray(given, dtype=x.dtype), y)
                    if found is not None and found[1] > figures.get("ordered_score", -1.0):
                        figures |= {"ordered_score": found[1], "order": other}
    finally:
        session.modules.asking = False
    return figures


def _score(module: Any, x: NDArray[Any], y: NDArray[Any]) -> tuple[str, float] | None:
    """Return (kind, share of right answers or of explained variance)."""
    weight = next(module.parameters(), None)
    given = torch.from_numpy(np.ascontiguousarray(x))
    given = given.to(weight.device, weight.dtype) if weight is not None else given
    out = first_output(module(given))
    if out is None or out.shape[0] != len(y):
        return None
    target = torch.from_numpy(np.ascontiguousarray(y)).to(out.device)
    whole = out.numel() == len(y)
    found = score(out.reshape(-1) if whole else out, target)
    if found is None or not found.scored:
        return None
    if found.kind != "values":
        return found.kind, found.right / found.scored
    spread = found.total_squared - found.total**2 / found.scored
    return (found.kind, 1 - found.squared / spread) if spread > 0 else None
