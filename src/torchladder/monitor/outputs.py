"""Outputs of layers at a sampled step: hooks that are attached for one step and removed after it."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch._C._functorch import is_functorch_wrapped_tensor

from torchladder.monitor.models import Model

ZEROING = (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Threshold)
SQUASHING = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}
LAYERS_MAX = 512  # leaf modules that are hooked; of a larger model, the first and the last of them
NEAR_END = 0.01  # of the range of a sigmoid or tanh, counted as its end
PICTURE = 4  # dimensions of a batch of pictures, whose channels are axis 1
MATRIX = 2
FIELDS = ("mean", "std", "zeros", "min", "max", "ends")


@dataclass
class Output:
    """One layer's output at a sampled step: 0-dim tensors on the device, and which units were ever alive."""

    name: str
    kind: str
    numbers: list[torch.Tensor]
    alive: torch.Tensor | None
    samples: int


class Outputs:
    """Attaches to the leaf modules of the models, sees one step, and detaches."""

    def __init__(self, models: list[Model]) -> None:
        self.models = models
        self.layers = [(name, m) for model in models if not model.compiled for name, m in _leaves(model.module)]
        if len(self.layers) > LAYERS_MAX:
            self.layers = self.layers[: LAYERS_MAX // 2] + self.layers[-LAYERS_MAX // 2 :]
        self.seen: dict[str, Output] = {}
        self.seconds = 0.0  # that the hooks took in the step that is seen
        self.failure: str | None = None
        self._handles: list[Any] = []

    def attach(self) -> None:
        """Hook every layer."""
        self.seen, self.seconds = {}, 0.0
        self._handles = [m.register_forward_hook(self._hook(name)) for name, m in self.layers]

    def detach(self) -> dict[str, Output]:
        """Remove every hook and return what the step showed."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        return self.seen

    def _hook(self, name: str) -> Any:
        def look(module: nn.Module, args: Any, out: Any) -> None:  # noqa: ARG001 - torch's signature
            began = perf_counter()
            try:
                plain = isinstance(out, torch.Tensor) and not is_functorch_wrapped_tensor(out)  # as under vmap
                if name not in self.seen and plain and out.is_floating_point() and out.numel():
                    with torch.no_grad():
                        self.seen[name] = _measured(name, module, out.detach())
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"
            self.seconds += perf_counter() - began

        return look


def _leaves(root: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(n or "model", m) for n, m in root.named_modules() if next(m.children(), None) is None]


def _measured(name: str, module: nn.Module, out: torch.Tensor) -> Output:
    values = out if out.dtype in {torch.float32, torch.float64} else out.float()
    std, mean = torch.std_mean(values, correction=0)
    least, most = torch.aminmax(values)
    zero = values == 0
    ends = torch.zeros((), device=values.device)
    for kind, (low, high) in SQUASHING.items():
        if isinstance(module, kind):
            margin = NEAR_END * (high - low)
            ends = ((values > high - margin) | (values < low + margin)).float().mean()
    alive = None
    if isinstance(module, ZEROING) and values.dim() >= MATRIX:
        axis = 1 if values.dim() >= PICTURE else values.dim() - 1
        alive = ~zero.all(dim=[d for d in range(values.dim()) if d != axis])
    return Output(
        name, type(module).__name__, [mean, std, zero.float().mean(), least, most, ends], alive, values.shape[0]
    )
