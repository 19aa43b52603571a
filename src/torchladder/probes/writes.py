"""Writes to parameters outside the optimizer: found as they happen, judged at the next step."""

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.loop_facts import WriteFact
from torchladder.probes.guarded import guarded
from torchladder.probes.interceptor import Call
from torchladder.probes.optimizers import held
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

SETTERS = {"data.__set__", "__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__"}
HARMLESS = {"requires_grad_", "retain_grad_", "share_memory_", "detach_", "__get__", "zero_grad_"}
VALUES_MAX = 1 << 22  # of all weights copied of one phase
TENSOR_MAX = 1 << 20
GAPS_MAX = 40  # gaps of one line that are looked at
LINES_MAX = 20


@dataclass
class Before:
    """A parameter as it was before the first write of a gap, and who wrote last."""

    tensor: torch.Tensor
    values: torch.Tensor
    place: Place
    function: str
    inside: bool


@dataclass
class Line:
    """One writing line of one phase."""

    function: str
    inside: bool
    shares: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    undone: int = 0


class Writes:
    """Looks at in-place calls on memory of parameters."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.memory: dict[int, torch.Tensor] = {}  # start of its memory -> parameter
        self.first: dict[int, torch.Tensor] = {}
        self.gap: dict[int, Before] = {}
        self.lines: dict[tuple[int, Place], Line] = {}
        self.phases: set[int] = set()

    def install(self) -> None:
        """Listen to calls, and look before each step."""
        self.session.interceptor.listeners.append(self)
        self.session.optimizers.before_step.append(guarded(self.session, "writes", self._before_step))

    def before(self, call: Call) -> None:
        """Keep the values of a parameter that is about to be written."""
        name = call.name
        if not self.memory or not call.args or not (name in SETTERS or _in_place(name)):
            return
        if name in HARMLESS or self.session.optimizers._stepping:  # noqa: SLF001 - one object in two files
            return
        for t in tensors_in(call.args[0], 1):
            if t.layout != torch.strided or t.numel() == 0:
                continue
            parameter = self.memory.get(t.untyped_storage().data_ptr())
            if parameter is None or id(parameter) not in self.first or call.place is None:
                continue
            with self.session.quiet(), torch.no_grad():
                known = self.gap.get(id(parameter))
                values = known.values if known is not None else parameter.detach().clone()
                inside = bool(self.session.modules.stack)
                self.gap[id(parameter)] = Before(parameter, values, call.place, name, inside)

    def after(self, call: Call) -> None:
        """Nothing is looked at afterwards."""

    def _before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Keep the first values of a phase; compare what was written since the last step."""
        if id(optimizer) not in self.phases:
            self.phases.add(id(optimizer))
            self._begin(optimizer)
        if not self.gap:
            return
        tensors = held(optimizer)
        mine = [self.gap[id(p)] for p in tensors if id(p) in self.gap]
        if mine:
            self.gap = {k: v for k, v in self.gap.items() if k not in {id(b.tensor) for b in mine}}
            self._judge(optimizer, mine, sum(p.numel() for p in tensors))
        for p in tensors:
            self.memory[p.untyped_storage().data_ptr()] = p  # `.data` may have been given other memory

    def _begin(self, optimizer: torch.optim.Optimizer) -> None:
        budget = VALUES_MAX
        for p in held(optimizer):
            if p.layout == torch.strided and 0 < p.numel() <= min(TENSOR_MAX, budget) and p.requires_grad:
                budget -= p.numel()
                self.first[id(p)] = p.detach().clone()
                self.memory[p.untyped_storage().data_ptr()] = p

    def _judge(self, optimizer: torch.optim.Optimizer, gap: list[Before], total: int) -> None:
        changed = [b for b in gap if b.values.shape == b.tensor.shape and not torch.equal(b.values, b.tensor)]
        phase = self.session.phase_of(optimizer)
        if not changed or phase is None or phase.steps == 0:
            return
        last = changed[-1]
        key = (phase.id, last.place)
        if key not in self.lines and len(self.lines) >= LINES_MAX:
            return
        line = self.lines.setdefault(key, Line(last.function, last.inside))
        if len(line.shares) >= GAPS_MAX:
            return
        old = torch.cat([b.values.reshape(-1).double() for b in changed])
        new = torch.cat([b.tensor.detach().reshape(-1).double() for b in changed])
        scale = float(old.norm() * new.norm())
        line.shares.append(old.numel() / max(total, 1))
        line.likeness.append(float(old @ new) / scale if scale else 0.0)
        line.undone += all(torch.equal(self.first[id(b.tensor)], b.tensor) for b in changed)

    def facts(self) -> dict[str, Any]:
        """Return one row a writing line and phase."""
        steps = {p.id: p.steps for p in self.session.phases}
        return {
            "writes": tuple(
                WriteFact(
                    phase,
                    place,
                    line.function,
                    times=len(line.shares),
                    steps=steps.get(phase, 0),
                    share=statistics.median(line.shares),
                    likeness=statistics.median(line.likeness),
                    undone=line.undone,
                    inside=line.inside,
                )
                for (phase, place), line in self.lines.items()
            )
        }


def _in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")
