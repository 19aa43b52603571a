"""Histograms of weights and gradients, counted where the tensors are; on a GPU nothing is waited for.

The range is the tensor's own, the bins are equal. Of a large tensor every n-th element is counted: the shape of a
distribution needs no more. What is not finite is left out.
"""

import math
from collections.abc import Iterable

import torch

from torchladder.monitor.courier import Courier
from torchladder.monitor.transfer import Transfer
from torchladder.monitor.weights import stride

BINS = 64
ELEMENTS = 16_384  # of a tensor that are counted, about
HEAD = 2  # numbers before the counts: the least and the largest element


class Histograms:
    """Looks every so many steps, at steps that are sampled anyway."""

    def __init__(self, every: int, transfer: Transfer, courier: Courier, bins: int = BINS) -> None:
        self.every, self.transfer, self.courier, self.bins = every, transfer, courier, bins
        self._next = 0

    def due(self, step: int) -> bool:
        """Tell whether a sampled step shall have histograms."""
        return self.every > 0 and step >= self._next

    def look(self, step: int, named_parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Count the weights and the gradients of this step, if it is due; between backward and ``zero_grad``."""
        if not self.due(step):
            return
        self._next = step + self.every
        homes: dict[torch.device, tuple[list[str], list[torch.Tensor]]] = {}
        with torch.no_grad():
            for name, p in named_parameters:
                for quantity, t in (("weight", p), ("gradient", p.grad)):
                    if t is not None and t.is_floating_point() and t.layout == torch.strided and t.numel():
                        names, vectors = homes.setdefault(t.device, ([], []))
                        names.append(f"{quantity}/{name}")
                        vectors.append(counted(t.detach(), self.bins))
            for names, vectors in homes.values():
                self._send(step, names, torch.cat(vectors))

    def _send(self, step: int, names: list[str], vector: torch.Tensor) -> None:
        width = HEAD + self.bins

        def read(values: list[float]) -> None:
            for at, name in enumerate(names):
                low, high, *counts = values[at * width : (at + 1) * width]
                if math.isfinite(low) and math.isfinite(high):
                    self.courier.histogram(step, name, edges(low, high, self.bins), counts)

        self.transfer.carry(vector, read)


def counted(t: torch.Tensor, bins: int) -> torch.Tensor:
    """Return the least and the largest finite element and the counts, on the tensor's device; Inf and -Inf of none."""
    values = t.reshape(-1)[:: stride(t, ELEMENTS)].float()
    return _counted_here(values, bins) if values.device.type == "cpu" else counted_blind(values, bins)


def _counted_here(values: torch.Tensor, bins: int) -> torch.Tensor:
    least, most = map(float, torch.aminmax(values))
    if not math.isfinite(least) or not math.isfinite(most):
        values = values[values.isfinite()]
        if not values.numel():
            return torch.tensor([math.inf, -math.inf, *[0.0] * bins])
        least, most = map(float, torch.aminmax(values))
    low, high = ends(least, most)
    places = ((values.double() - low) * (bins / (high - low))).long().clamp_(max=bins - 1)
    return torch.cat([torch.tensor([least, most]), torch.bincount(places, minlength=bins)])  # faster than histc


def counted_blind(values: torch.Tensor, bins: int) -> torch.Tensor:
    """Count without a look at any value: what works on a device that must not be waited for."""
    finite = values.isfinite()
    least, most = values.where(finite, math.inf).amin(), values.where(finite, -math.inf).amax()
    width = ((most - least) / bins).clamp_min(torch.finfo(torch.float32).tiny)
    places = ((values - least) / width).nan_to_num(0.0, 0.0, 0.0).long().clamp(0, bins - 1)
    places = places.where(finite, bins)  # one bin more, which is thrown away
    counts = torch.zeros(bins + 1, device=values.device).scatter_add_(0, places, torch.ones_like(values))
    return torch.cat([torch.stack([least, most]), counts[:bins]])


def edges(least: float, most: float, bins: int) -> list[float]:
    """Return the borders of equal bins."""
    low, high = ends(least, most)
    return [low + (high - low) * i / bins for i in range(bins)] + [high]


def ends(least: float, most: float) -> tuple[float, float]:
    """Return a range that has a width: a constant tensor's value is its lower end."""
    return (least, most) if most > least else (least, least + max(abs(least), 1.0))
