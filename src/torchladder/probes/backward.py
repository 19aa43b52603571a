"""Backward passes: what is differentiated, which leaves it reaches, and gradients left from before.

``Tensor.backward`` re-enters itself under a TorchFunctionMode, so the wrapper calls
``torch.autograd.backward`` itself.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.probes import graph
from torchladder.probes.guarded import unfailing
from torchladder.probes.losses import LossCall, custom_call
from torchladder.runner.place import user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session


@dataclass
class BackwardPass:
    """One pass: the differentiated scalar (kept on its device) and the user's line."""

    loss: torch.Tensor | None
    place: Place | None
    reached: frozenset[int]
    has_grad: bool


class Backward:
    """Wraps the two public doors to a backward pass."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.count = 0
        self.before: list[Any] = []
        self.after: list[Any] = []
        self.always: list[Any] = []  # those of ``before`` that are told between the looks of a long run, too
        self.custom: LossCall | None = None  # the last hand-written loss
        self.instead: Any = None  # an experiment that differentiates another scalar

    def install(self) -> None:
        """Put the wrappers in place."""
        original = torch.autograd.backward
        busy = False

        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            nonlocal busy
            if busy:
                return original(tensors, *args, **kwargs)
            busy = True
            try:
                if self.instead is not None and isinstance(tensors, torch.Tensor):
                    with self.session.quiet():
                        tensors = self.instead(tensors)
                passed = self._begin(tensors) or BackwardPass(None, None, frozenset(), has_grad=True)
                original(tensors, *args, **kwargs)
            finally:
                busy = False
            self._end(passed)
            return None

        @functools.wraps(torch.Tensor.backward)
        def tensor_backward(
            t: torch.Tensor,
            gradient: Any = None,
            retain_graph: bool | None = None,  # noqa: FBT001 - torch's signature
            create_graph: bool = False,  # noqa: FBT001, FBT002
            inputs: Any = None,
        ) -> None:
            backward(t, gradient, retain_graph, create_graph, inputs=inputs)

        torch.autograd.backward = backward
        torch.Tensor.backward = tensor_backward  # type: ignore[method-assign]

    @unfailing("backward")
    def _begin(self, tensors: Any) -> BackwardPass:
        session = self.session
        first = tensors if isinstance(tensors, torch.Tensor) else tensors[0] if isinstance(tensors, Sequence) else None
        self.count += 1
        scalar = first.detach().clone() if isinstance(first, torch.Tensor) and first.numel() == 1 else None
        if session.interceptor.resting:
            for listen in self.always:
                listen(first)
            return BackwardPass(scalar, None, frozenset(), first is not None)
        place = user_place()
        with session.quiet():
            session.optimizers.before_backward()
            for listen in self.before:
                listen(first)
            reached: frozenset[int] = frozenset()
            if session.dense and isinstance(first, torch.Tensor):
                reached = self._look(first)
        return BackwardPass(scalar, place, reached, first is not None and bool(first.requires_grad))

    @unfailing("backward")
    def _end(self, passed: BackwardPass) -> None:
        if self.session.interceptor.resting:
            self.session.backward_done(passed)
            return
        with self.session.quiet():
            for listen in self.after:
                listen(passed)
            self.session.optimizers.after_backward(passed)
            self.session.backward_done(passed)

    def _look(self, loss: torch.Tensor) -> frozenset[int]:
        """Read the graph behind the differentiated scalar."""
        ops, pending = self.session.operations, self.session.pending
        nodes = set(graph.walk(loss.grad_fn)) if loss.grad_fn is not None else set()
        found = {id(n.variable): n.variable for n in nodes if graph.is_leaf(n)}
        pending.reached.update(found)
        pending.used |= ops.used
        self._losses(loss, nodes)
        missing = {i for i in ops.used if i not in pending.reached}
        for cut in ops.cuts if missing else []:
            lost = cut.users & nodes if cut.followed else cut.inside
            for key in cut.leaves & missing if lost else ():
                pending.cuts.setdefault(key, (cut.call, cut.place))
        pending.broadcasts += ops.broadcasts
        return frozenset(found)

    def _losses(self, loss: torch.Tensor, nodes: set[Any]) -> None:
        session, ops, pending = self.session, self.session.operations, self.session.pending
        calls = list(ops.loss_calls)
        if not any(c.node in nodes for c in calls):
            custom = custom_call(session, loss)
            if custom is not None:
                calls.append(custom)
                self.custom = custom
        for call in calls:
            pending.loss_calls.append(call.fact(-1, -1, differentiated=call.node in nodes))
            if call.target is not None and call.node in nodes:
                ops.targets.append(call.target.detach())
            if call.input_node is None or call.node not in nodes:
                continue
            last = self._last_layer(call.input_node)
            if last is not None:
                pending.output_weights.add(id(last))
            if not pending.pairs:
                self._pairs(call.input_node)
        ops.loss_calls = []

    def _last_layer(self, node: Any) -> torch.Tensor | None:
        """Return the weight of the layer nearest the loss, frozen or not."""
        layers = self.session.operations.layers
        for up in graph.walk(node, stop=lambda n: n in layers or graph.affine(n) is not None):
            if up in layers:
                return layers[up]
            found = graph.affine(up)
            if found is not None:
                return found.weight
        return None

    def _pairs(self, node: Any) -> None:
        whole = graph.is_linear(node)
        for first, second in graph.affine_pairs(node):
            ops = self.session.operations.ops
            places = tuple(op.place for a in (first, second) if (op := ops.get(a.node)) and op.place)
            self.session.pending.pairs.append((first.weight, second.weight, whole, places))
