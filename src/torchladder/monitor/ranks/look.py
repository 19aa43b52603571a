"""What one process measures of itself at a step: checksums of weights, gradients and batch, and its batch norms.

Everything is computed on the device and leaves it in one vector, which is read in the thread that posts it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from torchladder.monitor.ranks.checksum import of_batch, of_weights, tensors_in
from torchladder.monitor.ranks.replica import Replica
from torchladder.monitor.ranks.row import CHANNELS, NOTHING, Flag, Row, folded, mixed
from torchladder.monitor.weights import norms

PICTURE = 2  # dimensions of an input of batch norm without places to average over


@dataclass
class Norm:
    """A batch norm's input in this process."""

    index: int
    rows: int
    values: int
    statistics: torch.Tensor


@dataclass
class Seen:
    """What the hooks of one step have seen."""

    inputs: list[torch.Tensor] = field(default_factory=list)
    shapes: int = 0
    rows: int = 0
    norms: list[Norm] = field(default_factory=list)


class Look:
    """Hooks the wrapper and its batch norms for one step."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.seen = Seen()
        self.failure: str | None = None
        self._handles: list[Any] = []

    def attach(self) -> None:
        """Hook what is to be seen in the next step; nothing where there is no wrapper."""
        self.seen = Seen()
        if self.replica.wrapper is None or self._handles:
            return
        self._handles.append(
            self.replica.wrapper.register_forward_pre_hook(self._guarded(self._called), with_kwargs=True)
        )
        for index, (_, module) in enumerate(self.replica.norms()):
            self._handles.append(module.register_forward_pre_hook(self._guarded(self._norm(index))))

    def detach(self) -> Seen:
        """Remove the hooks and return what they saw."""
        while self._handles:
            self._handles.pop().remove()
        seen, self.seen = self.seen, Seen()
        return seen

    def _guarded(self, hook: Callable[..., None]) -> Callable[..., None]:
        """Return a hook that cannot stop the user's forward pass."""

        def call(*given: Any) -> None:
            try:
                hook(*given)
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"

        return call

    def _called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Take the checksum of the first batch of the step."""
        if self.seen.inputs or not module.training or not torch.is_grad_enabled():
            return
        tensors = tensors_in([args, kwargs])
        with torch.no_grad():
            self.seen.inputs = [of_batch(t) for t in tensors]
        self.seen.rows = int(tensors[0].shape[0]) if tensors and tensors[0].dim() else 0
        for t in tensors:
            for n in t.shape:
                self.seen.shapes = mixed(self.seen.shapes, n)

    def _norm(self, index: int) -> Callable[[nn.Module, Any], None]:
        def look(module: nn.Module, args: Any) -> None:
            if not module.training or not args or any(n.index == index for n in self.seen.norms):
                return
            x = args[0].detach()
            values = x.numel() // max(x.shape[1], 1)
            with torch.no_grad():
                part = x[:, :CHANNELS].float()
                dims = [d for d in range(part.dim()) if d != 1]
                std, mean = torch.std_mean(part, dim=dims, correction=0)
            self.seen.norms.append(Norm(index, int(x.shape[0]), values, torch.stack([mean, std])))

        return look


def measured(replica: Replica, seen: Seen, *, rank: int, phase: int, step: int, flags: Flag) -> Callable[[], bytes]:
    """Start to measure; return what gives the row's bytes when the numbers have come from the device."""
    tensors = [p.detach() for _, p in replica.parameters] if not replica.flags & Flag.SHARDED else []
    gradients = [p.grad for _, p in replica.parameters if p.grad is not None] if tensors else []
    lacking = [i for i, (_, p) in enumerate(replica.parameters) if p.requires_grad and p.grad is None]
    norm = min(seen.norms, key=lambda n: (n.values, n.index), default=None)
    with torch.no_grad():
        whole = [of_weights(t) for t in tensors], [of_weights(g) for g in gradients if g.layout == torch.strided]
        sums = [t.sum(dtype=torch.float32) for t in tensors if not t.is_complex()]
        sizes = norms(tensors) if tensors else []
        slopes = norms(gradients) if gradients else []
        channels = norm.statistics.reshape(-1) if norm is not None else torch.zeros(0)
        arrived = _sent([*whole[0], *whole[1], *seen.inputs], [*sums, *sizes, *slopes], channels)
    n = len(tensors), len(whole[1]), len(seen.inputs)
    m = len(sums), len(sizes), len(slopes)

    def row() -> bytes:
        integers, floats = arrived()
        weights, slots, batch = integers[: n[0]], integers[n[0] : n[0] + n[1]], integers[n[0] + n[1] :]
        total, size = sum(floats[: m[0]]), _length(floats[m[0] : m[0] + m[1]])
        slope = _length(floats[m[0] + m[1] : sum(m)])
        more = flags | replica.flags
        more |= Flag.GRADIENTS if slots else Flag(0)
        more |= Flag.GRADIENT_ZERO if slope == 0 else Flag(0)
        width = (len(floats) - sum(m)) // 2
        means, stds = floats[sum(m) : sum(m) + width], floats[sum(m) + width :]
        return Row(
            rank=rank,
            step=step,
            phase=phase,
            flags=int(more),
            group=replica.group,
            tensors=len(tensors),
            input_rows=seen.rows,
            gradients=_all(slots),
            inputs=_all([seen.shapes, *batch]) if batch else 0,
            norm=size,
            total=total,
            unused=len(lacking),
            first_unused=lacking[0] if lacking else NOTHING,
            norm_layer=norm.index if norm is not None else NOTHING,
            norm_rows=norm.rows if norm is not None else 0,
            norm_values=norm.values if norm is not None else 0,
            spare=0,
            weights=folded(weights),
            means=tuple(_padded(means)),
            stds=tuple(_padded(stds)),
        ).pack()

    return row


def _sent(
    integers: list[torch.Tensor], floats: list[torch.Tensor], channels: torch.Tensor
) -> Callable[[], tuple[list[int], list[float]]]:
    """Send the numbers to the host, unawaited; the function returned waits for them, in whichever thread calls it."""
    home = (integers or floats or [channels])[0].device
    numbers = [f.to(home, torch.float64, non_blocking=True) for f in floats]
    numbers += list(channels.to(home, torch.float64, non_blocking=True))
    parts = [i.to(home, non_blocking=True) for i in integers] + [f.view(torch.int64) for f in numbers]
    vector = torch.stack(parts) if parts else torch.zeros(0, dtype=torch.int64)
    host, event = vector, None
    if home.type != "cpu":
        host = torch.empty(vector.shape, dtype=vector.dtype, pin_memory=home.type == "cuda")
        host.copy_(vector, non_blocking=True)
        event = getattr(torch, home.type).Event()
        event.record()

    def read() -> tuple[list[int], list[float]]:
        if event is not None:
            event.synchronize()
        n = len(integers)
        return host[:n].tolist(), host[n:].view(torch.float64).tolist()

    return read


def _length(values: list[float]) -> float:
    return math.sqrt(sum(v * v for v in values))


def _all(values: list[int]) -> int:
    """Return one number for many, never 0."""
    found = 1
    for value in values:
        found = mixed(found, value)
    return found or 1


def _padded(values: list[float]) -> list[float]:
    return [*values, *([0.0] * (CHANNELS - len(values)))]
