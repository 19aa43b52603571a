"""Direct questions to a model: does it use its input, and does one sample touch another?

Asked in evaluation mode without grad, so that batch norm and dropout have no part in the answer.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from torchladder.core.facts import InterrogationFact
from torchladder.core.findings import Place
from torchladder.probes.interceptor import name_of
from torchladder.probes.losses import accuracy
from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.tensors import MATRIX, map_tensors, tensors_in
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

MIXED = 1e-3  # share of its own effect that a sample has on others before anyone looks closer
RESHAPES = {"view", "reshape", "flatten"}
ROWS_MIN = 3  # one row lends its values to another, at least one is watched


def interrogate(call: RootCall, phase: int, target: torch.Tensor | None, session: "Session") -> InterrogationFact:
    """Ask one model about one batch; raises whatever the model raises."""
    module = call.root.module
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return _ask(call, phase, target, session)
    finally:
        for m, mode in modes:
            m.training = mode


def _ask(call: RootCall, phase: int, target: torch.Tensor | None, session: "Session") -> InterrogationFact:
    inputs = list(tensors_in((call.args, call.kwargs)))
    first = _run(call, lambda t: t)
    place = session.modules.created(call.root.module) or call.root.place
    if first is None or first.dim() < 1 or not inputs:
        return InterrogationFact(phase, place=place, reason="the model's input or output is not a batch of tensors")
    right = accuracy(first, target.reshape(-1)) if target is not None and first.dim() == MATRIX else None
    rows = first.shape[0]
    batched = [t for t in inputs if t.dim() >= 1 and t.shape[0] == rows]
    if rows < ROWS_MIN or not batched or len(batched) < len([t for t in inputs if t.numel() > 1]):
        return InterrogationFact(
            phase, eval_accuracy=right, place=place, reason="input and output do not share a batch axis"
        )
    turned = _turned(call, rows)
    scale = float(first.abs().max()) or 1.0
    dependence = float((turned - first).abs().max()) / scale if turned is not None else None
    mixing = _mixing(first, _run(call, lambda t: _lend(t, rows)), scale)
    fact = InterrogationFact(
        phase, dependence, None, mixing, rows, right, place=place, module=type(call.root.module).__name__
    )
    guilty = _first_mixer(call, rows) if mixing is not None and mixing > MIXED else None
    if guilty is None:
        return fact
    place = guilty.line or _made(call, guilty.module, session) or place
    fact = dataclasses.replace(fact, place=place, module=guilty.module or None)
    turned_round = guilty.line is not None and guilty.function in RESHAPES and guilty.axis
    return dataclasses.replace(fact, function=guilty.function, batch_axis=guilty.axis) if turned_round else fact


def _turned(call: RootCall, rows: int) -> torch.Tensor | None:
    """Return the output for other rows: in another order, or the first one everywhere where the order matters."""
    try:
        return _run(call, lambda t: t.roll(1, 0) if t.dim() >= 1 and t.shape[0] == rows else t)
    except (RuntimeError, ValueError, IndexError):  # packed sequences want the longest first
        return _run(call, lambda t: t[:1].expand_as(t).clone() if t.dim() >= 1 and t.shape[0] == rows else t)


def _mixing(first: torch.Tensor, lent: torch.Tensor | None, scale: float) -> float | None:
    """Return how far outputs of untouched rows moved, against those of the two rows that were made equal."""
    if lent is None or lent.shape != first.shape:
        return None
    change = (lent - first).abs().flatten(1).amax(1) if first.dim() > 1 else (lent - first).abs()
    own, others = float(change[:2].max()), float(change[2:].max())
    if own > 1e-6 * scale:
        return others / own
    return 1.0 if others > MIXED * scale else None


def _made(call: RootCall, name: str, session: "Session") -> Place | None:
    """Return the line that made a layer, or the nearest holder of it whose line is known (layers may be copies)."""
    while name:
        place = session.modules.created_of_torch(call.root.module.get_submodule(name))
        if place is not None:
            return place
        name = name.rpartition(".")[0]
    return None


@dataclass(frozen=True)
class _Step:
    """What one call gave; ``line`` where it is in the user's code, ``axis`` of its operand that holds the batch."""

    module: str
    line: Place | None
    out: torch.Tensor
    function: str | None = None
    axis: int | None = None


class _Trace(TorchFunctionMode):
    """Keeps what each torch call inside a model returns for a batch, and the line it stands on."""

    def __init__(self, root: nn.Module, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.steps: list[_Step] = []
        self._inside: list[tuple[str, nn.Module]] = [("", root)]
        self._named = {name: m for name, m in root.named_modules() if name}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call and note its result."""
        out = func(*args, **(kwargs or {}))
        shape = tuple(args[0].shape) if args and isinstance(args[0], torch.Tensor) else ()
        axis = shape.index(self.rows) if shape.count(self.rows) == 1 else None
        self._keep(out, user_place(), name_of(func), axis)
        return out

    def _keep(self, out: Any, place: Place | None, function: str | None = None, axis: int | None = None) -> None:
        found = first_output(out)
        if found is None or not found.dim() or found.shape[0] != self.rows or found.is_meta:
            return
        name, module = self._inside[-1]
        of_torch = type(module).__module__.startswith("torch.nn")
        self.steps.append(_Step(name, None if of_torch else place, found.detach().clone(), function, axis))

    def run(self, call: RootCall, change: Any) -> list[_Step]:
        """Return the steps of one call of the model."""
        handles = []
        given = map_tensors(call.args, change), map_tensors(call.kwargs, change)  # no step of the model's
        for name, module in self._named.items():

            def enter(m: nn.Module, _args: Any, name: str = name) -> None:
                self._inside.append((name, m))

            def leave(_m: nn.Module, _args: Any, out: Any) -> None:
                self._keep(out, None)
                self._inside.pop()

            handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
        try:
            with self:
                torch.manual_seed(0)
                call.root.module(*given[0], **given[1])
        finally:
            for handle in handles:
                handle.remove()
        return self.steps


def _first_mixer(call: RootCall, rows: int) -> _Step | None:
    """Return the step whose output for untouched samples changes first."""
    root = call.root.module
    plain = _Trace(root, rows).run(call, lambda t: t)
    lent = _Trace(root, rows).run(call, lambda t: _lend(t, rows))
    for step, other in zip(plain, lent, strict=False):
        a, b = step.out, other.out
        if step.module != other.module or a.shape != b.shape:
            return None
        told = a.is_floating_point() and a.numel() > 0
        if told and float((a[2:] - b[2:]).abs().max()) > 1e-6 * float(a.abs().max()):
            return step
    return None


def _lend(t: torch.Tensor, rows: int) -> torch.Tensor:
    """Return ``t`` with its second row replaced by its first: the longest of sorted sequences stays."""
    if t.dim() < 1 or t.shape[0] != rows:
        return t
    other = t.clone()
    other[1] = t[0]
    return other


def _run(call: RootCall, change: Any) -> torch.Tensor | None:
    torch.manual_seed(0)
    out = call.root.module(*map_tensors(call.args, change), **map_tensors(call.kwargs, change))
    found = first_output(out)
    return found.clone() if found is not None else None
