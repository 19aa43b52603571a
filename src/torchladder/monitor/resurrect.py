"""Dead units brought back: the weights into a ReLU that is zero on every sample are drawn anew.

A unit that is never positive passes no gradient, so that no training revives it. Its incoming weights get He's
initialisation for ReLU and a zero bias; should it still be dead (all inputs on one side), the same weights with their
signs turned are alive wherever the inputs are not zero.

Source: He et al. 2015, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torchladder.core.errors import UsageError
from torchladder.monitor.rectified import Rectified, look
from torchladder.probes.untouched import untouched

BATCHES = 20  # batches of a loader that are looked at, unless told otherwise
TRIES = 4  # draws of a unit's weights, every second one the last one with its signs turned
GAIN = math.sqrt(2)  # of ReLU: half of what comes in passes
MOMENTS = (  # of torch's optimizers, one element for each of the parameter's; averages of weights are no moments
    "exp_avg",
    "exp_avg_sq",
    "max_exp_avg_sq",
    "exp_inf",
    "momentum_buffer",
    "square_avg",
    "grad_avg",
    "acc_delta",
    "sum",
)

STARTS_AT_ONE = {"weight", "running_var"}  # of a normalisation

Call = Callable[[nn.Module, Any], Any]


@dataclass(frozen=True, slots=True)
class Revived:
    """One layer whose units feed a ReLU.

    Attributes:
        layer: Its name in the model.
        units: How many it has.
        dead_before: Units that were zero on every sample, in the model as it was given.
        renewed: Units whose weights were drawn anew; judged after the layers before had been repaired.
        dead_after: Units that are zero on every sample now.
    """

    layer: str
    units: int
    dead_before: int
    renewed: int
    dead_after: int

    def __str__(self) -> str:
        """Return one line."""
        share = 100 * self.dead_before / self.units
        return f"{self.layer}: {self.dead_before} of {self.units} units dead ({share:.0f} %) -> {self.dead_after}"


@dataclass(frozen=True, slots=True)
class Resurrected:
    """What was done, layer by layer from the input on; true when anything was."""

    layers: tuple[Revived, ...]
    samples: int

    @property
    def units(self) -> int:
        """Units of all layers that feed a ReLU."""
        return sum(row.units for row in self.layers)

    @property
    def dead_before(self) -> int:
        """Dead units of the model as it was given."""
        return sum(row.dead_before for row in self.layers)

    @property
    def dead_after(self) -> int:
        """Dead units now."""
        return sum(row.dead_after for row in self.layers)

    @property
    def renewed(self) -> int:
        """Units whose weights were drawn anew."""
        return sum(row.renewed for row in self.layers)

    def __bool__(self) -> bool:
        return self.renewed > 0

    def __str__(self) -> str:
        """Return a line for each layer that had or has dead units, and one for all."""
        if not self.layers:
            return "no ReLU fed by a linear or convolution layer was found"
        touched = [str(row) for row in self.layers if row.dead_before or row.renewed or row.dead_after]
        share = 100 * self.dead_before / self.units
        words = f"{self.dead_before:,} of {self.units:,} units dead ({share:.0f} %) -> {self.dead_after:,}"
        return "\n".join([*touched, f"all: {words}, judged on {self.samples:,} samples"])


def resurrect(
    model: nn.Module,
    loader_or_batches: Iterable[Any] | torch.Tensor,
    *,
    threshold: float = 0.0,
    optimizer: torch.optim.Optimizer | None = None,
    batches: int | None = BATCHES,
    call: Call | None = None,
    seed: int = 0,
) -> Resurrected:
    """Draw anew the weights into dead units of ReLU-like layers, layer after layer from the input.

    Call it between two steps. Other weights, every buffer, the modes of the layers, gradients, and all random
    generators (of torch, NumPy and Python, and the loader's own) are left as they were. The model runs in eval mode
    while it is looked at.

    Args:
        model: Its linear and convolution layers are repaired where they feed a ReLU, ReLU6, Hardtanh from 0 or
            Threshold at 0, directly or through normalisation and dropout.
        loader_or_batches: A DataLoader, a list of batches, or one tensor. Of a batch, its first element (a tuple or
            list), itself (a tensor), or all its entries by name (a dict) go into the model.
        threshold: Share of the samples up to which a unit that is alive on them still counts as dead.
        optimizer: Its moments of these units are reset to what they are at the start.
        batches: Batches that are looked at; None for all. They are held in memory.
        call: How the model is called, ``call(model, batch)``, where the above does not fit.
        seed: Of the new weights.

    Returns:
        For each layer, its dead units before and after.

    Raises:
        UsageError: If there are no batches, or ``threshold`` is no share.
    """
    if not 0 <= threshold < 1:
        msg = f"threshold is a share of the samples from 0 to below 1, not {threshold!r}"
        raise UsageError(msg)
    held = _held(model, loader_or_batches, batches)
    patient = Patient(model, held, call or _called, threshold)
    generator = torch.Generator().manual_seed(seed)
    first = {row.name: row for row in patient.look()}
    renewed: dict[str, int] = {}
    while (row := next((r for r in patient.rows if r.name not in renewed), None)) is not None:
        renewed[row.name] = patient.repair(row, generator, optimizer)
    last = {row.name: row for row in patient.rows}
    layers = tuple(
        Revived(name, row.alive.numel(), patient.dead(row), renewed.get(name, 0), patient.dead(last[name]))
        for name, row in first.items()
    )
    return Resurrected(layers, max((row.samples for row in first.values()), default=0))


@dataclass
class Patient:
    """A model and what it is judged by."""

    model: nn.Module
    batches: list[Any]
    call: Call
    threshold: float

    def __post_init__(self) -> None:
        self.rows: list[Rectified] = []

    def look(self) -> list[Rectified]:
        """Judge every layer anew."""
        with untouched(self.model, []), _eager():
            self.model.eval()
            self.rows = look(self.model, self.batches, self.call)
        return self.rows

    def dead(self, row: Rectified) -> int:
        """Count a layer's dead units."""
        return int(row.dead(self.threshold).sum())

    def repair(self, row: Rectified, generator: torch.Generator, optimizer: torch.optim.Optimizer | None) -> int:
        """Renew the dead units of a layer until they live; return how many there were."""
        which = whole = row.dead(self.threshold).nonzero().flatten()
        count = len(whole)
        for attempt in range(TRIES if count else 0):
            if attempt % 2 == 0:
                renew(row, which, generator)
            else:
                turn(row, which)
            row = next(r for r in self.look() if r.name == row.name)
            still = row.dead(self.threshold)
            which = which[still[which]]
            if not len(which):
                break
        if optimizer is not None and count:
            forget(row, whole, optimizer)
        return count


@torch.no_grad()
def renew(row: Rectified, which: torch.Tensor, generator: torch.Generator) -> None:
    """Draw the incoming weights of some units of a layer, and set what else is theirs to its start."""
    weight = row.source.weight
    rows = weight.movedim(row.source.rows, 0)
    fan_in = rows[0].numel()
    drawn = torch.randn((len(which), *rows.shape[1:]), generator=generator) * GAIN / math.sqrt(fan_in)
    rows[which] = drawn.to(device=weight.device, dtype=weight.dtype)
    for name, vector in _vectors(row):
        vector[which] = 1 if name in STARTS_AT_ONE else 0


@torch.no_grad()
def turn(row: Rectified, which: torch.Tensor) -> None:
    """Turn the signs of some units' weights: as good a draw as the one before."""
    rows = row.source.weight.movedim(row.source.rows, 0)
    rows[which] = -rows[which]


@torch.no_grad()
def forget(row: Rectified, which: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Reset an optimizer's moments of some units; its count of steps, kept per tensor, stays."""
    start = optimizer.defaults.get("initial_accumulator_value", 0.0)
    parameters = [row.source.weight, *(vector for _, vector in _vectors(row))]
    for p in parameters:
        for name, moment in optimizer.state.get(p, {}).items():
            if name in MOMENTS and isinstance(moment, torch.Tensor) and moment.shape == p.shape:
                axis = row.source.rows if p is row.source.weight else 0
                moment.movedim(axis, 0)[which] = start if name == "sum" else 0.0


def _vectors(row: Rectified) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what a layer and the normalisation after it hold for each unit, beside the weights."""
    units = row.alive.numel()
    named = (("bias", row.source.bias), *row.source.norms)
    yield from ((name, v) for name, v in named if v is not None and v.shape == (units,))


def _called(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(batch[0] if isinstance(batch, (tuple, list)) else batch)


def _held(model: nn.Module, given: Iterable[Any] | torch.Tensor, count: int | None) -> list[Any]:
    """Return the batches on the model's device; asking for them moves no random generator."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    if isinstance(given, torch.Tensor):
        given = [given]
    own = [g for g in _generators(given) if isinstance(g, torch.Generator)]
    states = [g.get_state() for g in own]
    with untouched(model, []):
        held = [_moved(batch, device) for batch in itertools.islice(given, count)]
    for g, state in zip(own, states, strict=True):
        g.set_state(state)
    if not held:
        msg = "there are no batches to judge the units by"
        raise UsageError(msg)
    return held


def _generators(loader: Any) -> Iterator[Any]:
    sampler = getattr(loader, "sampler", None)
    inner = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    for part in (loader, sampler, inner):
        yield getattr(part, "generator", None)


def _moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _moved(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return [_moved(value, device) for value in batch]
    return batch


def _eager() -> contextlib.AbstractContextManager[Any]:
    """Run compiled models as they were written, where torch can."""
    stance = getattr(torch.compiler, "set_stance", None)
    return stance("force_eager") if stance is not None else contextlib.nullcontext()
