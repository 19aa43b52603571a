"""Float inputs at the model's entry are standardised by the moments of the first batch."""

from typing import Any

import torch

from torchladder.probes.modules import Root
from torchladder.probes.session import Session
from torchladder.probes.tensors import map_tensors

EPS = 1e-6


def moments(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and deviation: per feature of a (N, F) table, per channel of pictures, else of all."""
    axes = {2: (0,), 4: (0, 2, 3)}.get(t.dim(), tuple(range(t.dim())))
    mean = t.mean(axes, keepdim=True)
    deviation = t.std(axes, keepdim=True, unbiased=False)
    return mean, torch.where(deviation < EPS, torch.ones_like(deviation), deviation)


def apply(session: Session, args: dict[str, Any]) -> None:  # noqa: ARG001
    """No arguments are needed."""
    kept: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}

    def on_root(root: Root, given: Any) -> Any:
        index = 0

        def standard(t: torch.Tensor) -> torch.Tensor:
            nonlocal index
            index += 1
            if not t.is_floating_point() or t.requires_grad or t.dim() < 2:  # noqa: PLR2004
                return t
            key = (id(root.module), index)
            if key not in kept:
                kept[key] = moments(t)
            mean, deviation = kept[key]
            return (t - mean) / deviation

        return map_tensors(given, standard)

    session.modules.on_root.append(on_root)
