"""Non-linearities over the samples seen: which units ever lived, which values sit at the ends."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from torchladder.core.facts import ActivationFact
from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.interceptor import Call
from torchladder.probes.tensors import MATRIX

if TYPE_CHECKING:
    from torchladder.probes.session import Session

RELUS = {"relu", "relu_", "relu6", "threshold", "threshold_", "hardtanh"}
SQUASHES = {"sigmoid": (0.0, 1.0), "sigmoid_": (0.0, 1.0), "tanh": (-1.0, 1.0), "tanh_": (-1.0, 1.0)}
SATURATED = 0.99
PICTURES = 4  # dimensions of a batch of pictures, whose channels are axis 1


@dataclass
class Activation:
    """Running statistics of one non-linearity."""

    call: str
    place: Place | None
    module: str | None
    created: Place | None
    fed_by: str | None
    alive: torch.Tensor
    zeros: float = 0.0
    saturated: float | None = None
    samples: int = 0
    calls: int = 0


def is_activation(call: Call) -> bool:
    """Tell whether a call is a non-linearity whose units are watched."""
    clamps = call.name in {"clamp", "clamp_min"} and call.argument(1, "min") == 0
    return call.name in RELUS or call.name in SQUASHES or (clamps and call.argument(2, "max") is None)


def watch_activation(session: "Session", call: Call, out: torch.Tensor) -> None:
    """Update which units were ever alive, and how many values sit at the ends of a squash."""
    if out.dim() < MATRIX or out.numel() == 0:
        return
    fed = graph.previous_affine(out.grad_fn)
    values = out.detach()
    axis = _unit_axis(values, fed.weight if fed else None)
    rows = values.movedim(axis, -1).reshape(-1, values.shape[axis])
    alive = (rows != 0).any(0)
    modules = session.modules
    running = modules.running()
    path = modules.name_of(running) if running is not None else None
    key = (call.name, call.place, path, alive.numel())
    table = session.pending.activations
    row = table.get(key)
    if row is None:
        created = modules.created(running)
        name = (session.parameter_name(fed.weight) or "").rpartition(".")[0] or None if fed else None
        row = table[key] = Activation(call.name, call.place, path, created, name, torch.zeros_like(alive))
    row.alive |= alive
    row.zeros += float((rows == 0).float().mean())
    row.samples += values.shape[0]
    row.calls += 1
    ends = SQUASHES.get(call.name)
    if ends is not None:
        low, high = ends
        margin = (1 - SATURATED) * (high - low)
        share = float(((rows > high - margin) | (rows < low + margin)).float().mean())
        row.saturated = (row.saturated or 0.0) + share


def activation_fact(row: Activation, phase: int, step: int) -> ActivationFact:
    """Return the row for the report."""
    return ActivationFact(
        function=row.call.rstrip("_"),
        phase=phase,
        step=step,
        place=row.place,
        module=row.module,
        created=row.created,
        units=row.alive.numel(),
        dead=int((~row.alive).sum()),
        zeros=row.zeros / row.calls,
        saturated=None if row.saturated is None else row.saturated / row.calls,
        n_samples=row.samples,
        fed_by=row.fed_by,
    )


def _unit_axis(values: torch.Tensor, weight: torch.Tensor | None) -> int:
    """Return the axis that holds units: where the layer before put its outputs."""
    if values.dim() == MATRIX:
        return 1
    if weight is not None and weight.dim() > MATRIX:
        return 1
    if weight is not None and values.shape[-1] in weight.shape:
        return values.dim() - 1
    return 1 if values.dim() == PICTURES else values.dim() - 1
