"""Is a model that brings its knowledge along better with a square weight transposed?

Square weights fit both ways round, so that no shape tells whether a copied one lies right. The model is asked before
its first step: random weights know nothing either way, and those that lie right lose by a transpose.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.trial_facts import TurnedFact
from torchladder.probes.losses import accuracy
from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.tensors import MATRIX

if TYPE_CHECKING:
    from torchladder.probes.session import Session

LAYERS = 16  # square weights that are turned one by one
SIZE = 4  # least rows of a weight


def turned_weights(call: RootCall, target: torch.Tensor | None, session: "Session") -> TurnedFact | None:
    """Ask one untrained model about one batch of classes; None where there is no square weight or no class."""
    root = call.root.module
    square = [(n, m) for n, m in root.named_modules() if isinstance(m, nn.Linear) and _is_square(m)][:LAYERS]
    if not square or target is None:
        return None
    modes = [(m, m.training) for m in root.modules()]
    root.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            before = _right(call, target)
            tries = [[layer] for layer in square] + ([square] if len(square) > 1 else [])
            found = [(right, layers) for layers in tries if (right := _turned(call, target, layers)) is not None]
    finally:
        for m, mode in modes:
            m.training = mode
    if before is None or not found:
        return None
    best, layers = max(found, key=lambda pair: pair[0])
    names = tuple(f"{name}.weight" if name else "weight" for name, _ in layers)
    probe: Any = session.probes["reshapes"]
    place = probe.written_at(layers[0][1].weight) or session.modules.created_of_torch(layers[0][1])
    return TurnedFact(names, len(target), before, best, place)


def _is_square(layer: nn.Linear) -> bool:
    rows, columns = layer.weight.shape
    return bool(rows == columns >= SIZE)


def _turned(call: RootCall, target: torch.Tensor, layers: list[tuple[str, nn.Linear]]) -> float | None:
    with _transposed([m for _, m in layers]):
        return _right(call, target)


@contextmanager
def _transposed(layers: list[nn.Linear]) -> Iterator[None]:
    """Turn weights round, and back again."""
    for m in layers:
        m.weight.copy_(m.weight.T.clone())
    try:
        yield
    finally:
        for m in layers:
            m.weight.copy_(m.weight.T.clone())


def _right(call: RootCall, target: torch.Tensor) -> float | None:
    out = first_output(call.root.module(*call.args, **call.kwargs))
    return accuracy(out, target.reshape(-1)) if out is not None and out.dim() == MATRIX else None
