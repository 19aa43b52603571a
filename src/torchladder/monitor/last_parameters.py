"""A checksum of the parameters that a run ends with: by it two runs are known to have ended in the same place."""

from collections.abc import Mapping

import torch

from torchladder.checkpoints.checksum import of_tensors
from torchladder.monitor.models import Model

BYTES_MAX = 500_000_000  # about half a second of work; of a larger model the losses and samples must do


def last_parameters(models: Mapping[int, list[Model]]) -> str | None:
    """Return the checksum over the parameters of every model that was trained; None where it cannot be had."""
    seen = {id(p): p for trained in models.values() for model in trained for p in model.module.parameters()}
    if not seen or sum(p.numel() * p.element_size() for p in seen.values()) > BYTES_MAX:
        return None
    # A tensor that is spread over processes would have to be gathered by all of them.
    if any(type(p.detach()) is not torch.Tensor for p in seen.values()):
        return None
    return of_tensors(seen.values())
