"""Every torch function the program calls while it is observed densely.

Keeps, for the step in flight, which user line made which graph node; which data met the model's
output; which calls cut the graph; and the rows for losses, broadcasts, activations and casts.
"""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.facts import BroadcastFact, CastFact, OpFact
from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.activations import is_activation, watch_activation
from torchladder.probes.casts import CASTS, CASTS_KEPT, lossy_cast
from torchladder.probes.interceptor import Call
from torchladder.probes.losses import LOSSES, LossCall
from torchladder.probes.marks import Marks
from torchladder.probes.tensors import MATRIX, tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

CUTS = {"detach", "detach_", "data.__get__", "item", "tolist", "numpy", "__float__", "__array__", "tensor", "argmax"}
SLICES = {"__getitem__", "index_select", "narrow", "select", "split", "chunk", "take"}
SLICED_KEPT = 256  # slices remembered within a step: enough for a batch put together row by row
FILLS = {"fill_", "zero_", "constant_", "ones_", "zeros_"}
FILLS_KEPT = 256  # weights whose constant start is remembered
UNTRACEABLE = {"item", "tolist", "numpy", "__float__", "__array__"}
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


class Operations:
    """The listener of dense observation."""

    sparse_names = frozenset(CASTS | LOSSES | {"requires_grad.__set__", "requires_grad_", "copy_", "data.__set__"})

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.casts: list[tuple[CastFact, torch.Tensor]] = []
        self.frozen_at: dict[int, Place] = {}
        self.leaf_at: dict[int, Place] = {}
        self.written = Marks()
        self.filled: dict[tuple[int, int], Place] = {}  # memory and size of a tensor -> where it was made constant
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
        self._always(call)
        if not self.session.dense or self._is_plain_data(call):
            return
        given = [t for t in tensors_in((call.args, call.kwargs), 3) if _tells(t)]
        out = call.out[0] if isinstance(call.out, tuple) and call.out else call.out
        if isinstance(out, torch.Tensor) and not _tells(out):
            return
        self._uses(call, given, out)
        if not isinstance(out, torch.Tensor):
            self._leaves_torch(call, given)
            return
        self._follow(out, given)
        self._slice(call, out, given)
        if call.name in CUTS and not out.requires_grad:
            self._cut(call, given, out)
        elif out.requires_grad and out.is_leaf and given == []:
            self.leaf_at[id(out)] = call.place  # type: ignore[assignment]
        if out.grad_fn is not None:
            self._node(call, out, given)

    def _is_plain_data(self, call: Call) -> bool:
        """Tell at small cost that a call only prepares data: building a data set makes millions of these."""
        out = call.out
        return (
            isinstance(out, torch.Tensor)
            and not self.sliced
            and not self.tainted
            and call.name not in SLICES
            and call.name not in CUTS
            and not self.session.modules.stack
            and not out.requires_grad
        )

    def _leaves_torch(self, call: Call, given: list[torch.Tensor]) -> None:
        """Note values that become numbers of Python or NumPy, and what was cut off before that."""
        if call.name in CUTS:
            self._cut(call, given, None)
        if call.name in UNTRACEABLE:
            for t in given:
                for cut in self.tainted.get(id(t), (t, []))[1]:
                    cut.escaped = True

    def _always(self, call: Call) -> None:
        """Note what matters at any time: casts, freezing, weights written by hand, values of losses."""
        name = call.name
        if name in CASTS and len(self.casts) < CASTS_KEPT:
            with self.session.quiet():
                cast = lossy_cast(call)
            self.casts += [cast] if cast is not None else []
        if name in {"requires_grad.__set__", "requires_grad_"}:
            self._grad_switch(call)
        if name in FILLS and self.session.steps == 0:
            self._fill(call.argument(0, "tensor"), call.place)
        writes = name in {"copy_", "data.__set__"} and isinstance(call.args[0], nn.Parameter)
        if writes and not _moves_device():
            self.written.add(call.args[0])
        if name in LOSSES and self.loss_calls and isinstance(call.out, torch.Tensor):
            self.loss_calls[-1].out = call.out.detach()
            self.loss_calls[-1].node = call.out.grad_fn

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
        if is_activation(call):
            with self.session.quiet():
                watch_activation(self.session, call, out)

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
            if len(self.sliced) > SLICED_KEPT:
                del self.sliced[next(iter(self.sliced))]

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

    def _fill(self, t: Any, place: Place | None) -> None:
        matrix = isinstance(t, torch.Tensor) and t.dim() >= MATRIX
        if matrix and place is not None and len(self.filled) < FILLS_KEPT:
            self.filled[t.data_ptr(), t.numel()] = place

    def _grad_switch(self, call: Call) -> None:
        t = call.args[0]
        if not t.requires_grad and call.place is not None:
            self.frozen_at[id(t)] = call.place
        elif t.is_leaf and call.place is not None and not isinstance(t, nn.Parameter):
            self.leaf_at[id(t)] = call.place

    def _spread(self, call: Call, given: list[torch.Tensor], out: torch.Tensor) -> None:
        """Keep (B, 1) against (B,) giving (B, B), one side with gradient and the other data."""
        if len(given) < MATRIX:
            return
        a, b = given[0], given[1]
        if {a.dim(), b.dim()} != {1, 2} or a.requires_grad == b.requires_grad:
            return
        column, row = (a, b) if a.dim() == MATRIX else (b, a)
        n = row.shape[0]
        if n == 1 or tuple(column.shape) != (n, 1):
            return
        prediction, target = (a, b) if a.requires_grad else (b, a)
        shape = tuple(out.shape) if out.dim() else (n, n)
        self.broadcasts.append(
            BroadcastFact(call.name.strip("_"), -1, call.place, tuple(prediction.shape), tuple(target.shape), shape, 1)
        )


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


def _dim(call: Call, out: torch.Tensor) -> int | None:
    """Return the ``dim`` of softmax-like calls as a non-negative axis."""
    if "softmax" not in call.name and "softmin" not in call.name:
        return None
    dim = call.argument(1, "dim")
    if not isinstance(dim, int):  # torch's own legacy default
        return 0 if out.dim() in {0, 1, 3} else 1
    return dim % max(out.dim(), 1)
