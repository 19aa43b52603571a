"""One pass over a held-out side, in evaluation mode and without gradients, shared out over the processes."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from torchladder.training.machine import Machine
from torchladder.training.measures import Measured, of_classes, of_values
from torchladder.training.samples import InOrder, Samples, loader
from torchladder.training.targets import Targets

FASTER = 4  # an evaluation keeps no activations, so its batches may be larger


def outputs_of(module: nn.Module, samples: Samples, machine: Machine, batch: int) -> NDArray[np.float32]:
    """Return the model's outputs for all samples, in their order, in every process."""
    mode = module.training
    module.eval()
    machine.agree(module)
    found = []
    with torch.no_grad():
        for x, _ in loader(samples, InOrder(len(samples), FASTER * batch, machine.rank, machine.world), 0):
            with machine.autocast():
                out = module(x.to(machine.device, non_blocking=True))
            found.append(out.float())
    module.train(mode)
    own = torch.cat(found).cpu().numpy() if found else None
    if machine.world == 1:
        assert own is not None
        return own
    parts = machine.gathered(own)
    shape = next(p.shape[1:] for p in parts if p is not None)
    whole = np.zeros((len(samples), *shape), dtype=np.float32)
    for rank, part in enumerate(parts):
        if part is not None:
            whole[rank :: machine.world] = part
    return whole


def evaluated(
    module: nn.Module,
    samples: Samples,
    targets: Targets,
    machine: Machine,
    *,
    batch: int,
    threshold: float | None = None,
) -> tuple[Measured, NDArray[np.float32]]:
    """Return the figures of a side, and the outputs they come from."""
    outputs = outputs_of(module, samples, machine, batch)
    truth: Any = samples.y.numpy()
    if targets.classes:
        return of_classes(outputs.astype(np.float64), truth, targets.classes, threshold), outputs
    return of_values(outputs.astype(np.float64), truth, targets.mean, targets.std), outputs
