"""Where the first NaN or Inf was made: one replay of the run, checking every operation near the end.

The forward pass is checked at every torch function; the backward pass by hooks on the graph's nodes.
"""

import math
from typing import Any

import torch

from torchladder.core.facts import NonFiniteFact
from torchladder.core.jsonable import to_json
from torchladder.probes import graph
from torchladder.probes.interceptor import Call
from torchladder.probes.phases import Phase
from torchladder.probes.session import Session
from torchladder.probes.tensors import describe, tensors_in

HARMLESS = {"empty", "empty_like", "new_empty", "full", "full_like", "tensor", "masked_fill", "masked_fill_", "where"}


def _bad(t: torch.Tensor) -> bool:
    return t.is_floating_point() and not bool(torch.isfinite(t.detach()).all())


class Origin:
    """Armed one step before the loss was first seen to be non-finite."""

    def __init__(self, session: Session, *, phase: int, step: int) -> None:
        self.session, self.phase, self.step = session, phase, step
        self.armed = phase == 0 and step <= 1
        self.found: NonFiniteFact | None = None
        self.last_loss: float | None = None
        self.here = 0

    def install(self) -> None:
        """Look behind the other probes."""
        self.session.interceptor.listeners.append(self)
        self.session.on_step.append(self._step)
        self.session.backward.before.append(self._watch_backward)
        self.session.backward.after.append(self._after_backward)

    def before(self, call: Call) -> None:
        """Nothing to do before a call."""

    def after(self, call: Call) -> None:
        """Note the first call with finite operands and a non-finite result."""
        if not self.armed or self.found is not None or call.name in HARMLESS or not torch.is_grad_enabled():
            return
        with self.session.quiet():
            outs = [t for t in tensors_in(call.out, 1) if _bad(t)]
            if not outs:
                return
            given = list(tensors_in((call.args, call.kwargs), 3))
            bad = [t for t in given if _bad(t)]
            if any(t.requires_grad for t in bad):
                return
            where = "input" if bad else "forward"
            self._found(where, call.name.strip("_"), call.place, outs[0], given)

    def _found(self, where: str, name: str, place: Any, out: torch.Tensor | None, given: list[torch.Tensor]) -> None:
        facts = [describe(t) for t in given if t.numel() and not t.is_complex()]
        running = self.session.modules.running()
        operand = facts[-1] if name in {"div", "__truediv__", "__rtruediv__"} and facts else facts[0] if facts else None
        weights = [
            float(p.detach().abs().max())
            for r in self.session.modules.roots.values()
            for p in r.module.parameters()
            if p.numel()
        ]
        self.found = NonFiniteFact(
            where=where,
            kind="nan" if out is None or bool(torch.isnan(out).any()) else "inf",
            phase=self.phase,
            step=self.here,
            function=name,
            place=place,
            module=self.session.modules.name_of(running) if running is not None else None,
            operand_min=operand.min if operand else None,
            operand_max=operand.max if operand else None,
            max_weight=max(weights, default=None),
            loss_before=self.last_loss,
        )
        self.session.control.stop()

    def _watch_backward(self, loss: torch.Tensor | None) -> None:
        if not self.armed or loss is None or loss.grad_fn is None or self.found is not None:
            return
        for node in graph.walk(loss.grad_fn):
            if not graph.is_leaf(node) and hasattr(node, "register_hook"):
                node.register_hook(self._node_hook(node))

    def _node_hook(self, node: Any) -> Any:
        op = self.session.operations.ops.get(node)

        def hook(grad_inputs: Any, grad_outputs: Any) -> None:
            if self.found is not None:
                return
            with self.session.quiet():
                outs = [g for g in grad_inputs if g is not None and _bad(g)]
                if outs and not any(g is not None and _bad(g) for g in grad_outputs):
                    name = op.function if op is not None else graph.kind(node).lower()
                    self.pending = (name, op.place if op is not None else None, outs[0])
                    self._found("backward", name, op.place if op else None, outs[0], [])

        return hook

    def _after_backward(self, passed: Any) -> None:
        if passed.loss is not None:
            value = float(passed.loss)
            self.last_loss = value if math.isfinite(value) else self.last_loss

    def _step(self, phase: Phase | None) -> None:
        if phase is None or phase.id != self.phase:
            self.armed = self.armed or (len(self.session.phases) == self.phase and self.step <= 1)
            return
        self.here = phase.steps
        if phase.steps >= self.step - 1:
            self.armed = True
            self.session.dense = True
        if phase.steps > self.step + 2:
            self.session.control.stop()

    def collect(self) -> dict[str, Any]:
        """Return the origin, or None."""
        return {"nonfinite": to_json(self.found) if self.found else None}
