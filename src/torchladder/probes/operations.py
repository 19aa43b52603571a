"""Every torch function the program calls while it is observed densely.

Keeps, for the step in flight, which user line made which graph node; which data met the model's
output; which calls cut the graph; and the rows for losses, broadcasts, activations and casts.
"""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.facts import ActivationFact, BroadcastFact, CastFact, OpFact
from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LOSSES, LossCall
from torchladder.probes.marks import Marks
from torchladder.probes.tensors import describe, tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

RELUS = {"relu", "relu_", "relu6", "threshold", "threshold_", "hardtanh"}
SQUASHES = {"sigmoid": (0.0, 1.0), "sigmoid_": (0.0, 1.0), "tanh": (-1.0, 1.0), "tanh_": (-1.0, 1.0)}
SATURATED = 0.99
LIST_MAX = 100_000  # items of a Python list that are looked at
CUTS = {"detach", "detach_", "data.__get__", "item", "tolist", "numpy", "__float__", "__array__", "tensor", "argmax"}
SLICES = {"__getitem__", "index_select", "narrow", "select", "split", "chunk", "take"}
UNTRACEABLE = {"item", "tolist", "numpy", "__float__", "__array__"}
CASTS = {"long", "int", "to", "type", "short", "char", "byte", "bool", "type_as", "tensor", "as_tensor", "LongTensor"}
INTEGRAL = {torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8}
ELEMENTWISE = {
    "sub", "__sub__", "__rsub__", "rsub", "subtract", "mul", "__mul__", "__rmul__", "div", "__truediv__", "add",
    "__add__", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "pow",
}  # fmt: skip


@dataclass
class Meeting:
    """Data without gradient that met the model's output outside of any model."""

    call: str
    place: Place | None
    data: torch.Tensor


@dataclass
class Cut:
    """A call that leaves the graph behind.

    ``leaves`` are the weights behind it. What it gave is followed through the data operations after
    it to ``users``, the graph nodes that take it up again: only then is something lost to the loss.
    Values that left torch (``item``, ``numpy``) cannot be followed; ``inside`` tells whether the call
    was made within a model's forward.
    """

    call: str
    place: Place | None
    leaves: frozenset[int]
    inside: bool
    users: set[Any] = field(default_factory=set)
    escaped: bool = False

    @property
    def followed(self) -> bool:
        """Whether its result stayed a tensor."""
        return self.call not in UNTRACEABLE and not self.escaped


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


class Operations:
    """The listener of dense observation."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.casts: list[tuple[CastFact, torch.Tensor]] = []
        self.frozen_at: dict[int, Place] = {}
        self.leaf_at: dict[int, Place] = {}
        self.written = Marks()
        self.begin_step()

    def begin_step(self) -> None:
        """Forget the graph of the step before."""
        self.ops: dict[Any, OpFact] = {}
        self.layers: dict[Any, torch.Tensor] = {}  # graph node -> weight, frozen ones included
        self.meetings: list[Meeting] = []
        self.cuts: list[Cut] = []
        self.used: set[int] = set()
        self.sliced: dict[int, tuple[torch.Tensor, int]] = {}
        self.targets: list[torch.Tensor] = []
        self.tainted: dict[int, tuple[torch.Tensor, list[Cut]]] = {}
        self.loss_calls: list[LossCall] = []
        self.broadcasts: list[BroadcastFact] = []

    def before(self, call: Call) -> None:
        """Keep what the call is about to change or lose."""
        looking = self.session.dense or self.session.follow_losses
        if call.name in LOSSES and looking and torch.is_grad_enabled():
            with self.session.quiet():
                self.loss_calls.append(LossCall.of(call, self))

    def after(self, call: Call) -> None:
        """Note what happened, densely in training steps, and casts and freezing at all times."""
        name = call.name
        if name in CASTS:
            self._cast(call)
        if name in {"requires_grad.__set__", "requires_grad_"}:
            self._grad_switch(call)
        elif name in {"copy_", "data.__set__"} and isinstance(call.args[0], nn.Parameter):
            if not _moves_device():
                self.written.add(call.args[0])
        if name in LOSSES and self.loss_calls and isinstance(call.out, torch.Tensor):
            self.loss_calls[-1].out = call.out.detach()
            self.loss_calls[-1].node = call.out.grad_fn
        if not self.session.dense:
            return
        given = [t for t in tensors_in((call.args, call.kwargs), 3) if _tells(t)]
        out = call.out[0] if isinstance(call.out, tuple) and call.out else call.out
        if isinstance(out, torch.Tensor) and not _tells(out):
            return
        self._uses(call, given, out)
        if not isinstance(out, torch.Tensor):
            if name in CUTS:
                self._cut(call, given, None)
            if name in UNTRACEABLE:
                for t in given:
                    for cut in self.tainted.get(id(t), (t, []))[1]:
                        cut.escaped = True
            return
        self._follow(out, given)
        self._slice(call, out, given)
        if name in CUTS and not out.requires_grad:
            self._cut(call, given, out)
        elif out.requires_grad and out.is_leaf and given == []:
            self.leaf_at[id(out)] = call.place  # type: ignore[assignment]
        if out.grad_fn is not None:
            self._node(call, out, given)

    def _node(self, call: Call, out: torch.Tensor, given: list[torch.Tensor]) -> None:
        modules = self.session.modules
        running = modules.running()
        for t in (t for t in tensors_in(call.out, 1) if t.grad_fn is not None):
            self.ops[t.grad_fn] = OpFact(
                function=call.name.strip("_") if call.name.endswith("_") else call.name,
                place=call.place,
                module=modules.name_of(running) if running is not None else None,
                module_type=type(running).__name__ if running is not None else None,
                created=modules.created_of_torch(running),
                dim=_dim(call, out),
                shape=tuple(out.shape),
            )
        weight = next((t for t in given if isinstance(t, nn.Parameter) and t.dim() > 1), None)
        if weight is not None:
            self.layers[out.grad_fn] = weight
        if running is None or not self.session.carries(running):
            met = [t for t in given if not t.requires_grad and t.numel() > 1]
            self.meetings += [Meeting(call.name, call.place, t) for t in met]
        if call.name in ELEMENTWISE:
            self._spread(call, given, out)
        if call.name in RELUS or call.name in SQUASHES or (call.name in {"clamp", "clamp_min"} and _is_relu(call)):
            with self.session.quiet():
                self._activate(call, out)

    def _uses(self, call: Call, given: list[torch.Tensor], out: Any) -> None:
        weights = [t for t in given if isinstance(t, nn.Parameter)]
        self.used.update(id(w) for w in weights)
        blocked = [w for w in weights if w.requires_grad]
        if blocked and not torch.is_grad_enabled() and self.session.modules.in_training_forward():
            cut = Cut("no_grad", call.place, frozenset(map(id, blocked)), inside=True)
            self.cuts.append(cut)
            if isinstance(out, torch.Tensor):
                self.tainted[id(out)] = (out, [cut])

    def _cut(self, call: Call, given: list[torch.Tensor], out: torch.Tensor | None) -> None:
        for t in given:
            if t.grad_fn is None:
                continue
            with self.session.quiet():
                leaves = frozenset(id(leaf) for leaf in graph.leaves(t))
            cut = Cut(call.name, call.place, leaves, self.session.modules.in_training_forward())
            self.cuts.append(cut)
            if out is not None:
                self.tainted[id(out)] = (out, [cut])

    def _slice(self, call: Call, out: torch.Tensor, given: list[torch.Tensor]) -> None:
        """Remember how many rows the source of a slice has: what a loop draws its batches from."""
        if out.requires_grad or not given:
            return
        rows = max((self.sliced[id(t)][1] for t in given if id(t) in self.sliced), default=0)
        if call.name in SLICES and given[0].dim():
            rows = max(rows, given[0].shape[0])
        if rows:
            self.sliced[id(out)] = (out, rows)

    def _follow(self, out: torch.Tensor, given: list[torch.Tensor]) -> None:
        """Follow what was cut off to where it is taken up again."""
        cuts = [cut for t in given if id(t) in self.tainted for cut in self.tainted[id(t)][1]]
        if not cuts:
            return
        if out.grad_fn is not None:
            for cut in cuts:
                cut.users.add(out.grad_fn)
        else:
            self.tainted[id(out)] = (out, cuts)

    def _grad_switch(self, call: Call) -> None:
        t = call.args[0]
        if not t.requires_grad and call.place is not None:
            self.frozen_at[id(t)] = call.place
        elif t.is_leaf and call.place is not None and not isinstance(t, nn.Parameter):
            self.leaf_at[id(t)] = call.place

    def _cast(self, call: Call) -> None:
        """Keep conversions of fractional floats to integers."""
        out = call.out
        if not isinstance(out, torch.Tensor) or out.dtype not in INTEGRAL or not call.args:
            return
        source = call.args[0]
        with self.session.quiet():
            if not isinstance(source, torch.Tensor):
                source = _as_floats(source)
            if source is None or not source.is_floating_point() or source.numel() < 2:  # noqa: PLR2004
                return
            before = describe(source, unique=True)
            # Pictures scaled to bytes lose fractions on purpose; labels lose their meaning.
            if not before.integral and call.place is not None and len(self.casts) < 20:
                fact = CastFact(call.place, call.name, source.numel(), before, describe(out, unique=True), reaches_target=False)
                self.casts.append((fact, out))

    def _spread(self, call: Call, given: list[torch.Tensor], out: torch.Tensor) -> None:
        """Keep (B, 1) against (B,) giving (B, B), one side with gradient and the other data."""
        if len(given) < 2:
            return
        a, b = given[0], given[1]
        if {a.dim(), b.dim()} != {1, 2} or a.requires_grad == b.requires_grad:
            return
        column, row = (a, b) if a.dim() == 2 else (b, a)
        n = row.shape[0]
        if n < 2 or tuple(column.shape) != (n, 1):
            return
        prediction, target = (a, b) if a.requires_grad else (b, a)
        shape = tuple(out.shape) if out.dim() else (n, n)
        self.broadcasts.append(
            BroadcastFact(
                call.name.strip("_"), -1, call.place, tuple(prediction.shape), tuple(target.shape), shape, 1
            )
        )

    def _activate(self, call: Call, out: torch.Tensor) -> None:
        """Update which units were ever alive, and how many values sit at the ends of a squash."""
        if out.dim() < 2 or out.numel() == 0:
            return
        fed = graph.previous_affine(out.grad_fn)
        values = out.detach()
        axis = _unit_axis(values, fed.weight if fed else None)
        rows = values.movedim(axis, -1).reshape(-1, values.shape[axis])
        alive = (rows != 0).any(0)
        modules = self.session.modules
        running = modules.running()
        path = modules.name_of(running) if running is not None else None
        key = (call.name, call.place, path, alive.numel())
        table = self.session.pending.activations
        row = table.get(key)
        if row is None:
            created = modules.created(running)
            name = (self.session.parameter_name(fed.weight) or "").rpartition(".")[0] or None if fed else None
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


def _as_floats(source: Any) -> torch.Tensor | None:
    """Return numbers from outside torch as a tensor, None when they are something else or very many."""
    if not isinstance(source, (list, tuple)) and not hasattr(source, "__array__"):
        return None
    if len(source) > LIST_MAX:
        return None
    try:
        return torch.as_tensor(source)
    except (TypeError, ValueError, RuntimeError):
        return None


def _tells(t: torch.Tensor) -> bool:
    """Tell whether torch answers about a tensor's graph: not of a view made and then written to without grad."""
    try:
        return t.grad_fn is None or True
    except RuntimeError:
        return False


def _moves_device() -> bool:
    """Tell whether ``Module.to`` is at work, which writes weights without changing them."""
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to see a caller
    for _ in range(8):
        if frame.f_back is None:
            return False
        frame = frame.f_back
        if frame.f_code.co_name == "_apply":
            return True
    return False


def _is_relu(call: Call) -> bool:
    return call.argument(1, "min") == 0 and call.argument(2, "max") is None


def _unit_axis(values: torch.Tensor, weight: torch.Tensor | None) -> int:
    """Return the axis that holds units: where the layer before put its outputs."""
    if values.dim() == 2:
        return 1
    if weight is not None and weight.dim() > 2:
        return 1
    if weight is not None and values.shape[-1] in weight.shape:
        return values.dim() - 1
    return 1 if values.dim() == 4 else values.dim() - 1


def _dim(call: Call, out: torch.Tensor) -> int | None:
    """Return the ``dim`` of softmax-like calls as a non-negative axis."""
    if "softmax" not in call.name and "softmin" not in call.name:
        return None
    dim = call.argument(1, "dim")
    if not isinstance(dim, int):  # torch's own legacy default
        return 0 if out.dim() in {0, 1, 3} else 1
    return dim % max(out.dim(), 1)
