"""What the copy of a batch to the GPU costs, beside what a step computes."""

import dataclasses
import statistics
import time
from typing import Any

import torch
from torch.utils.data import DataLoader

from torchladder.core.feeding_facts import TransferFact
from torchladder.core.findings import Place
from torchladder.feeding.passes import tensors
from torchladder.feeding.settings import with_settings

COPIES = 10  # of a batch, of which the median counts


def measured(loader: DataLoader[Any], place: Place | None) -> TransferFact | None:
    """Return the copy of a loader's first batch, None where there is no GPU or nothing to copy."""
    if not torch.cuda.is_available():
        return None
    kept = [t for t in tensors(next(iter(with_settings(loader, {})))) if not t.is_cuda]
    if not kept:
        return None
    pinned = [t.pin_memory() for t in kept]
    size = sum(t.numel() * t.element_size() for t in kept)
    return TransferFact(place, size, kept[0].is_pinned(), _copied(kept), _copied(pinned))


def _copied(kept: list[torch.Tensor]) -> float:
    times = []
    for _ in range(COPIES):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for t in kept:
            t.to("cuda", non_blocking=True)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def beside_steps(found: TransferFact | None, device: str | None, step: float | None) -> tuple[TransferFact, ...]:
    """Return the copy with what a step computes besides; nothing where the training is not on a GPU.

    Args:
        found: The copy.
        device: Where the training runs.
        step: Seconds of a step with a batch that is in the host's memory already: the copy is among them.
    """
    if found is None or device != "cuda":
        return ()
    rest = step - found.seconds if step is not None else 0.0
    return (dataclasses.replace(found, computing=rest if rest > 0 else None),)
