"""One step looked at closely: gradients, weights, how far they move and what layers put out, in one vector."""

import time
from typing import Any

import torch

from torchladder.monitor.courier import Courier
from torchladder.monitor.histograms import Histograms
from torchladder.monitor.history import Parameter, Phase, Series, Units
from torchladder.monitor.models import Model
from torchladder.monitor.outputs import FIELDS, Output, Outputs
from torchladder.monitor.settings import Settings
from torchladder.monitor.transfer import Transfer
from torchladder.monitor.weights import Movement, largest, norms

QUANTITIES = 5  # of a tensor: norms of gradient, weight, movement and weight before, and the largest gradient


class CloseLook:
    """Looks at the step that is under way; what it measures stays on the device until ``send``."""

    def __init__(self, settings: Settings, transfer: Transfer, courier: Courier) -> None:
        self.settings, self.transfer, self.courier = settings, transfer, courier
        self.histograms = Histograms(settings.histograms, transfer, courier)
        self._outputs: Outputs | None = None
        self._held: list[tuple[str, torch.Tensor]] = []
        self._norms: tuple[list[torch.Tensor], ...] = ([], [], [])
        self._movement: Movement | None = None
        self._began = 0.0

    def hook(self, models: list[Model]) -> None:
        """Hook the layers for the step that comes next."""
        if not self.settings.activations:
            return
        if self._outputs is None or len(self._outputs.models) != len(models):
            self._outputs = Outputs(models)
        self._outputs.attach()

    def unhook(self) -> dict[str, Output]:
        """Remove the hooks and return what they saw."""
        return self._outputs.detach() if self._outputs is not None else {}

    @property
    def failure(self) -> str | None:
        """Why outputs of layers could not be measured, None when they could."""
        return self._outputs.failure if self._outputs is not None else None

    @property
    def hooked(self) -> float:
        """Seconds that the layers' hooks took in the step that was seen last."""
        return self._outputs.seconds if self._outputs is not None else 0.0

    @torch.no_grad()
    def measure(self, held: list[tuple[str, torch.Tensor]], step: int) -> None:
        """Measure named parameters that have a gradient, before the optimizer moves them; keep slices of them."""
        self._began = time.perf_counter()
        self._held = held
        weights = [p for _, p in held]
        gradients = [p.grad for p in weights if p.grad is not None]
        self.histograms.look(step, held)
        self._norms = norms(gradients), norms([p.detach() for p in weights]), largest(gradients)
        self._movement = Movement(weights)

    def send(self, phase: Phase, step: int, global_step: int) -> float:
        """Send everything measured in this step as one vector; return the seconds since measuring began."""
        held, movement, (gradients, weights, tops) = self._held, self._movement, self._norms
        self._held, self._movement, self._norms = [], None, ([], [], [])
        with torch.no_grad():
            moved, before = movement.measure() if movement is not None and held else ([], [])
        outputs = self.unhook()
        scalars = [*gradients, *weights, *moved, *before, *tops, *(v for o in outputs.values() for v in o.numbers)]
        for name, seen in outputs.items():
            _merge(phase.units, name, seen)
        shapes = [(name, tuple(p.shape)) for name, p in held]

        def read(values: list[float]) -> None:
            row = _parameters(phase, step, shapes, values) | _layers(
                phase, step, list(outputs.values()), values[QUANTITIES * len(shapes) :]
            )
            self.courier.sample(global_step, row)

        self.transfer.send(scalars, read)
        return time.perf_counter() - self._began


def _parameters(
    phase: Phase, step: int, shapes: list[tuple[str, tuple[int, ...]]], values: list[float]
) -> dict[str, float]:
    """Take in the norms of a sample that has arrived; return them as a row."""
    n = len(shapes)
    gradients, weights, moved, before, tops = (values[i * n : (i + 1) * n] for i in range(QUANTITIES))
    row: dict[str, float] = {}
    for i, (name, shape) in enumerate(shapes):
        known = phase.parameters.get(name)
        if known is None:
            known = phase.parameters[name] = Parameter(name, shape, fresh=True)
        ratio = moved[i] / before[i] if before[i] > 0 else 0.0
        known.grad.add(step, gradients[i])
        known.top.add(step, tops[i])
        known.weight.add(step, weights[i])
        known.ratio.add(step, ratio)
        row[f"gradient/{name}"], row[f"weight/{name}"], row[f"update/{name}"] = gradients[i], weights[i], ratio
    if n:
        row["gradient"] = sum(g * g for g in gradients) ** 0.5
        row["weight"] = sum(w * w for w in weights) ** 0.5
        phase.norms.add(step, row["gradient"])
        phase.weight_norm = phase.weight_norm if phase.weight_norm is not None else row["weight"]
    return row


def _layers(phase: Phase, step: int, outputs: list[Output], values: list[float]) -> dict[str, float]:
    """Take in what the layers put out; return it as a row."""
    row: dict[str, float] = {}
    for i, out in enumerate(outputs):
        fields = dict(zip(FIELDS, values[i * len(FIELDS) : (i + 1) * len(FIELDS)], strict=True))
        kept = phase.outputs.setdefault(out.name, {key: Series() for key in fields})
        for key, value in fields.items():
            kept[key].add(step, value)
        units = phase.units[out.name]
        units.zeros, units.ends = units.zeros + fields["zeros"], units.ends + fields["ends"]
        row |= {f"output.{key}/{out.name}": value for key, value in fields.items()}
    return row


def _merge(table: dict[str, Units], name: str, seen: Any) -> None:
    """Note which units were alive; the rest of a sample arrives later."""
    units = table.get(name)
    if units is None:
        units = table[name] = Units(seen.kind, seen.alive)
    elif seen.alive is not None and units.alive is not None and units.alive.shape == seen.alive.shape:
        units.alive = units.alive | seen.alive
    units.samples += seen.samples
    units.looks += 1
