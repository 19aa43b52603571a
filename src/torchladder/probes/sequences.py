"""Sequence models: which input each target equals, and whether an output depends on later inputs.

The targets are compared with the inputs as the steps go by. Only where they agree at one offset is
the model asked, at the end of the run, what its outputs depend on.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.model_facts import SequenceFact
from torchladder.probes.bindings import shifting_line
from torchladder.probes.causality import Causality
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LossCall
from torchladder.probes.modules import RootCall, first_output
from torchladder.probes.questions import asking, kept
from torchladder.probes.tensors import MATRIX, tensors_in

if TYPE_CHECKING:
    from torchladder.probes.phases import Phase
    from torchladder.probes.session import Session

OFFSETS = (-1, 0, 1, 2)
LENGTH_MIN = 6  # positions: shorter rows say nothing about offsets
LOOKS = 16  # steps of a phase whose targets are compared
TELLING = 0.9  # agreement from which the model is asked
IDS = {"cross_entropy", "nll_loss"}
VALUES = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
MIXERS = {"softmax", "scaled_dot_product_attention", "multi_head_attention_forward", "gru", "lstm", "conv1d"}
HIDDEN = 0.7  # share of one id among the scored inputs; BERT hides 0.8 of them
IGNORED = -100  # torch's own ignore_index


@dataclass
class Seen:
    """One input of one model against the target of one loss line, so far."""

    function: str
    place: Place | None
    index: int
    axis: int
    start: int
    shape: tuple[int, ...]
    length: int
    integral: bool
    equal: dict[int, int] = field(default_factory=lambda: dict.fromkeys(OFFSETS, 0))
    positions: int = 0
    looks: int = 0
    call: RootCall | None = None
    counted: torch.Tensor | None = None

    def share(self, offset: int) -> float:
        """Return the agreement at one offset."""
        return self.equal[offset] / self.positions if self.positions else 0.0


class Sequences:
    """The probe: compares before each backward pass of a dense step."""

    names = frozenset(MIXERS)
    sparse_names: frozenset[str] = frozenset()

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.table: dict[Any, Seen] = {}
        self.waiting: list[tuple[Any, Seen]] = []
        self.mixers: dict[str, Place] = {}  # by module: the line at which positions meet

    def install(self) -> None:
        """Start to look."""
        self.session.interceptor.listeners.append(self)
        self.session.backward.before.append(self._look)
        self.session.on_step.append(self._step)

    def before(self, call: Call) -> None:
        """Nothing before."""

    def after(self, call: Call) -> None:
        """Note where in a model positions meet each other."""
        if call.name in MIXERS and self.session.dense and self.session.modules.stack and call.place is not None:
            name = self.session.modules.name_of(self.session.modules.stack[-1])
            if name is not None:
                self.mixers.setdefault(name, call.place)

    def _look(self, loss: torch.Tensor | None) -> None:
        del loss
        roots = self.session.pending.root_calls
        if not self.session.dense or not roots:
            return
        try:
            for call in self.session.operations.loss_calls:
                if call.target is not None and call.function in IDS | VALUES:
                    self._compare(roots[-1], call)
        except Exception as error:
            self.session.failed("sequences", error)

    def _compare(self, root: RootCall, call: LossCall) -> None:
        target = call.target
        assert target is not None
        out = first_output(root.output)
        for index, x in enumerate(tensors_in((root.args, root.kwargs))):
            integral = not x.is_floating_point()
            if integral != (call.function in IDS) or target.is_floating_point() == integral:
                continue
            ignored = call.options.get("ignore_index", IGNORED) if integral else None
            for found in _aligned(x, target, call.input, out):
                seen = Seen(
                    call.function, call.place, index, found.axis, found.start, tuple(x.shape), found.length, integral
                )
                if _count(seen, found, ignored):
                    key = (call.function, call.place, index, found.axis)
                    seen.call = root
                    self.waiting.append((key, seen))

    def _step(self, phase: "Phase | None") -> None:
        """Give what was compared to the phase that stepped; one batch of it is kept to ask about."""
        waiting, self.waiting = self.waiting, []
        for key, new in waiting:
            number = phase.id if phase is not None else 0
            old = self.table.get((number, *key))
            if old is None or old.looks == 0 or old.shape != new.shape:
                call = kept(new.call) if new.call is not None and max(map(new.share, OFFSETS)) >= TELLING else None
                new.call, new.looks = call, 1
                if old is None:
                    self.table[number, *key] = new
                continue
            if old.looks < LOOKS:
                old.looks += 1
                old.positions += new.positions
                for offset in OFFSETS:
                    old.equal[offset] += new.equal[offset]

    def facts(self) -> dict[str, Any]:
        """Return one row an input, a loss line and a phase: along the axis that agrees more."""
        found: dict[Any, list[Seen]] = {}
        for (phase, function, place, index, _), seen in self.table.items():
            found.setdefault((phase, function, place, index), []).append(seen)
        rows = []
        for (phase, *_), ways in found.items():
            first, *others = sorted(ways, key=lambda seen: -max(map(seen.share, OFFSETS)))
            row = self._fact(phase, first)
            if (
                first.share(0) >= TELLING and row.leak is not None
            ):  # either axis may be time: nothing may leak along both
                leaks = [self._fact(phase, other).leak or 0.0 for other in others]
                row = dataclasses.replace(row, leak=max([row.leak, *leaks]))
            rows.append(row)
        return {"sequences": tuple(rows)}

    def _fact(self, phase: int, seen: Seen) -> SequenceFact:
        told: dict[str, Any] = {}
        if seen.call is not None:
            module = seen.call.root.module
            told = {"module": type(module).__name__, "created": self.session.modules.created(module)}
            try:
                with asking(module):
                    told |= self._told(seen, seen.call)
            except Exception as error:
                told["reason"] = f"{type(error).__name__}: {error}"[:200]
        return SequenceFact(
            phase=phase,
            place=seen.place,
            function=seen.function,
            shape=seen.shape,
            length=seen.length,
            axis=seen.axis,
            agreement={str(offset): round(seen.share(offset), 4) for offset in OFFSETS},
            positions=seen.positions,
            integral=seen.integral,
            cut=self._cut(),
            **told,
        )

    def _cut(self) -> Place | None:
        loaders = self.session.loaders
        trained = [s.loader for s in loaders.table.values() if loaders.is_trained(s)]
        return next((line for loader in trained if (line := shifting_line(loader)) is not None), None)

    def _told(self, seen: Seen, call: RootCall) -> dict[str, Any]:
        """Return what the model's outputs depend on, and the place of the layer that looks ahead."""
        assert seen.counted is not None
        asked = Causality(call, seen.index, seen.axis, seen.shape, seen.counted)
        told = asked.ask()
        name = asked.first_leak() if told.get("leak") else None
        if name is not None:
            layer = call.root.module.get_submodule(name)
            told["module"] = name or type(layer).__name__
            told["created"] = self.session.modules.created(layer) or told.get("created")
            told["mixed"] = self.mixers.get(name)
        return told


@dataclass
class Aligned:
    """Inputs and targets with the sequence on axis 1 and features, if any, on axis 2."""

    x: torch.Tensor
    y: torch.Tensor
    axis: int
    start: int

    @property
    def length(self) -> int:
        """Return how many positions have a target."""
        return self.y.shape[1]


def _aligned(
    x: torch.Tensor, target: torch.Tensor, logits: torch.Tensor | None, out: torch.Tensor | None
) -> Iterator[Aligned]:
    """Yield the ways in which the targets lie along the input: samples first, or time first."""
    width = x.shape[2] if x.dim() > MATRIX else 1
    if x.dim() not in {2, 3} or (x.dim() > MATRIX and not x.is_floating_point()):
        return
    for axis in (1, 0):
        time, samples = x.shape[axis], x.shape[1 - axis]
        length, rest = divmod(target.numel(), max(samples * width, 1))
        if rest or time < LENGTH_MIN or not time - 2 <= length <= time or samples == 0:
            continue
        shape = (samples, length, width) if axis else (length, samples, width)
        if target.dim() > 1 and tuple(target.shape[:2]) != shape[:2]:
            continue
        x3, y3 = x.detach().reshape(*x.shape[:2], width), target.detach().reshape(shape)
        start = 0 if length == time else _start(logits, out, axis, length)
        yield Aligned(x3 if axis else x3.transpose(0, 1), y3 if axis else y3.transpose(0, 1), axis, start)


def _start(logits: torch.Tensor | None, out: torch.Tensor | None, axis: int, length: int) -> int:
    """Return the first position of the output that the loss was given."""
    if logits is None or out is None or out.dim() != 3 or logits.shape[-1] != out.shape[-1]:  # noqa: PLR2004
        return 0
    rows = logits.detach().reshape(-1, logits.shape[-1])
    for start in range(out.shape[axis] - length + 1):
        part = out.detach().narrow(axis, start, length).reshape(-1, out.shape[-1])
        if part.shape == rows.shape and torch.equal(part[:64], rows[:64].to(part.dtype)):
            return start
    return 0


def _are_hidden(scored: torch.Tensor) -> bool:
    """Tell whether what stands at the scored positions is nearly always one id: the mask of a masked model."""
    if scored.numel() == 0:
        return False
    return int(torch.unique(scored, return_counts=True)[1].max()) > HIDDEN * scored.numel()


def _count(seen: Seen, found: Aligned, ignored: int | None) -> bool:
    """Count where the target equals its neighbours in the input; tells whether there was anything to count."""
    time = found.x.shape[1]
    first, last = max(1, found.start), min(time - 3, found.start + found.length - 1)
    if last <= first:
        return False
    y = found.y[:, first - found.start : last - found.start + 1]
    near = {offset: found.x[:, first + offset : last + offset + 1] for offset in OFFSETS}
    counted = torch.ones(y.shape[:2], dtype=torch.bool, device=y.device) if ignored is None else (y != ignored).all(-1)
    if ignored is not None and _are_hidden(near[0][counted]):
        return False
    seen.counted = torch.zeros(time, dtype=torch.bool)
    seen.counted[first : last + 1] = counted.any(0).cpu()
    for a in OFFSETS:
        for b in OFFSETS:
            if a < b:
                counted = counted & (near[a] != near[b]).any(-1)
    seen.positions = int(counted.sum())
    for offset in OFFSETS:
        seen.equal[offset] = int(((y == near[offset]).all(-1) & counted).sum())
    return seen.positions > 0
