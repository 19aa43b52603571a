"""What the output at one position of a sequence depends on: asked by changing the input elsewhere."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.questions import answer
from torchladder.probes.tensors import MATRIX, map_tensors, tensors_in

ROUNDING = 1e-4  # share of the change afterwards from which a change before counts as one


@dataclass
class Causality:
    """One batch, and the place in it around which is asked.

    ``index`` tells which tensor of the call is the sequence, ``axis`` which of its axes is time,
    ``counted`` which positions the loss is taken at.
    """

    call: RootCall
    index: int
    axis: int
    shape: tuple[int, ...]
    counted: torch.Tensor

    @property
    def time(self) -> int:
        """The number of positions."""
        return self.shape[self.axis]

    @property
    def middle(self) -> int:
        """The position asked about: half of those with a target lie before it."""
        where = self.counted.nonzero().flatten().tolist()
        return int(where[len(where) // 2])

    def ask(self) -> dict[str, Any]:
        """Return fields of SequenceFact; raises whatever the model raises."""
        plain = self.by_position(answer(self.call))
        if plain is None:
            return {"reason": "the output is not one answer a position"}
        middle, positions = self.middle, torch.arange(self.time)
        later = self._moved(positions > middle, plain)
        here = self._moved(positions == middle, plain)
        scale = float(later[:, middle + 1 :].max())
        reach = max(scale, float(here.max()))
        if reach == 0:
            return {"changes": False}
        told: dict[str, Any] = {"changes": True, "own": float(here[:, middle].max()) / reach}
        told["back"] = float(here[:, middle + 1 :].max()) / reach
        if scale > 0:
            told["leak"] = float(later[:, : middle + 1][:, self.counted[: middle + 1]].max()) / scale
        return told

    def first_leak(self) -> str | None:
        """Return the path of the first module whose output looks ahead although its input does not."""
        plain, changed = self._inside(self.call), self._inside(self._changed(torch.arange(self.time) > self.middle))
        for name in plain:
            if name not in changed:
                continue
            (given, out), (given_too, out_too) = plain[name], changed[name]
            if self._early(out, out_too) and not self._early(given, given_too):
                return name
        return None

    def _early(self, a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
        """Tell whether two runs differ at positions before the change."""
        if a is None or b is None or a.shape != b.shape:
            return False
        moved = (a - b).abs().amax(-1)
        return float(moved[:, : self.middle + 1].max()) > ROUNDING * float(moved.max())

    def _inside(self, call: RootCall) -> dict[str, tuple[torch.Tensor | None, torch.Tensor | None]]:
        """Return input and output by position of each inner module, in the order in which they end."""
        seen: dict[str, tuple[torch.Tensor | None, torch.Tensor | None]] = {}
        handles = []
        for name, module in call.root.module.named_modules():

            def keep(_m: nn.Module, args: Any, kwargs: Any, out: Any, name: str = name) -> None:
                given = next((t for t in tensors_in((args, kwargs)) if t.is_floating_point()), None)
                found = first_output(out)
                seen.setdefault(name, (self._copy(given), self._copy(found)))

            handles.append(module.register_forward_hook(keep, with_kwargs=True))
        try:
            answer(call)
        finally:
            for handle in handles:
                handle.remove()
        return seen

    def _copy(self, t: torch.Tensor | None) -> torch.Tensor | None:
        found = self.by_position(t)
        return None if found is None else found.detach().clone()

    def _changed(self, which: torch.Tensor) -> RootCall:
        """Return the call with other inputs at some positions."""
        count = iter(range(1 << 30))
        change = lambda t: self._other(t, which) if next(count) == self.index else t  # noqa: E731 - used once
        args, kwargs = map_tensors((self.call.args, self.call.kwargs), change)
        return RootCall(self.call.root, args, kwargs, self.call.training, self.call.layers_training)

    def _moved(self, which: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
        """Return per sample and position how far the output moves when the input changes at some positions."""
        out = self.by_position(answer(self._changed(which)))
        return torch.zeros(plain.shape[:2]) if out is None else (out - plain).abs().amax(-1).float().cpu()

    def _other(self, t: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """Return a tensor in which some positions hold other values of the same batch."""
        generator = torch.Generator().manual_seed(0)
        flat = t.reshape(-1) if t.dim() == MATRIX else t.reshape(-1, t.shape[-1])
        other = flat[torch.randperm(flat.shape[0], generator=generator).to(t.device)].reshape(t.shape)
        shape = [1] * t.dim()
        shape[self.axis] = -1
        return torch.where(which.to(t.device).reshape(shape), other, t)

    def by_position(self, out: torch.Tensor | None) -> torch.Tensor | None:
        """Return a tensor as (samples, time, values), None when it has another form."""
        if out is None:
            return None
        samples = self.shape[1 - self.axis]
        if tuple(out.shape[:2]) == tuple(self.shape[:2]):
            out = out.reshape(*out.shape[:2], -1)
            return out if self.axis else out.transpose(0, 1)
        if tuple(out.shape[:2]) == (self.shape[1], self.shape[0]):  # turned on the way
            out = out.reshape(*out.shape[:2], -1)
            return out.transpose(0, 1) if self.axis else out
        if out.dim() == MATRIX and out.shape[0] == samples * self.time:
            rows = out.reshape(*self.shape[:2], -1)
            return rows if self.axis else rows.transpose(0, 1)
        if out.dim() == MATRIX + 1 and out.shape[0] == samples and out.shape[2] == self.time and self.axis:
            return out.transpose(1, 2)
        return None
