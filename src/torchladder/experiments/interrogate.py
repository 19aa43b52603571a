"""Direct questions to a model: does it use its input, and does one sample touch another?

Asked in evaluation mode without grad, so that batch norm and dropout have no part in the answer.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.facts import InterrogationFact
from torchladder.core.findings import Place
from torchladder.probes.losses import accuracy
from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.tensors import MATRIX, map_tensors, tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

MIXED = 1e-3  # share of its own effect that a sample has on others before anyone looks closer
ROWS_MIN = 3  # one row is changed, one lends its values, at least one is watched


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
    turned = _run(call, lambda t: t.roll(1, 0) if t.dim() >= 1 and t.shape[0] == rows else t)
    scale = float(first.abs().max()) or 1.0
    dependence = float((turned - first).abs().max()) / scale if turned is not None else None
    lent = _run(call, lambda t: _lend(t, rows))
    mixing = None
    guilty = None
    if lent is not None:
        change = (lent - first).abs().flatten(1).amax(1) if first.dim() > 1 else (lent - first).abs()
        own, others = float(change[0]), float(change[2:].max())
        mixing = others / own if own > 1e-6 * scale else None
        if mixing is not None and mixing > MIXED:
            guilty = _first_mixer(call, rows)
    name = type(call.root.module).__name__
    if guilty is not None:
        name = guilty[0]
        place = _made(call, guilty[0], session) or place
    return InterrogationFact(phase, dependence, None, mixing, rows, right, place=place, module=name)


def _made(call: RootCall, name: str, session: "Session") -> Place | None:
    """Return the line that made a layer, or the nearest holder of it whose line is known (layers may be copies)."""
    while name:
        place = session.modules.created_of_torch(call.root.module.get_submodule(name))
        if place is not None:
            return place
        name = name.rpartition(".")[0]
    return None


def _first_mixer(call: RootCall, rows: int) -> tuple[str, nn.Module] | None:
    """Return the first inner module whose output for untouched samples changes with another sample."""
    outputs: dict[str, list[torch.Tensor]] = {}
    modules = {name: m for name, m in call.root.module.named_modules() if name}
    handles = []
    for name, module in modules.items():

        def keep(_m: nn.Module, _a: Any, out: Any, name: str = name) -> None:
            found = first_output(out)
            if found is not None and found.dim() and found.shape[0] == rows:
                outputs.setdefault(name, []).append(found.clone())

        handles.append(module.register_forward_hook(keep))
    try:
        _run(call, lambda t: t)
        plain, outputs = outputs, {}
        _run(call, lambda t: _lend(t, rows))
    finally:
        for handle in handles:
            handle.remove()
    for name, (a, *_), (b, *_) in ((n, plain[n], outputs[n]) for n in plain if n in outputs):
        if a.shape == b.shape and float((a[2:] - b[2:]).abs().max()) > 1e-6 * float(a.abs().max()):
            return name, modules[name]
    return None


def _lend(t: torch.Tensor, rows: int) -> torch.Tensor:
    """Return ``t`` with its first row replaced by its second."""
    if t.dim() < 1 or t.shape[0] != rows:
        return t
    other = t.clone()
    other[0] = t[1]
    return other


def _run(call: RootCall, change: Any) -> torch.Tensor | None:
    torch.manual_seed(0)
    out = call.root.module(*map_tensors(call.args, change), **map_tensors(call.kwargs, change))
    found = first_output(out)
    return found.clone() if found is not None else None
