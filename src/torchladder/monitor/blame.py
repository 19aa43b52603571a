"""Which operation of a replay is to blame: from the loss, or from a spoilt gradient, back to where it was finite."""

from dataclasses import dataclass
from typing import Any

import torch

from torchladder.core.findings import Place
from torchladder.monitor.checker import Checker, Op, flags
from torchladder.probes import graph

# Operations that put Inf where the program wants it (masks), and those that are made to take -Inf.
PLACING = {
    "masked_fill", "where", "full", "full_like", "new_full", "fill", "__setitem__", "tensor", "triu", "tril",
    "masked_scatter", "index_fill", "zeros", "ones",
}  # fmt: skip
MASKED = {
    "softmax",
    "log_softmax",
    "logsumexp",
    "scaled_dot_product_attention",
    "cross_entropy",
    "multi_head_attention_forward",
}


@dataclass(frozen=True)
class Blame:
    """The answer: ``where`` as in NonFiniteFact; ``nan`` whether NaN was made (else Inf)."""

    where: str
    function: str
    place: Place | None
    module: str | None
    nan: bool
    low: float | None
    high: float | None

    @classmethod
    def of(cls, where: str, op: Op, *, nan: bool) -> "Blame":
        """Return an operation as the answer; what it was given is part of it where it was finite."""
        low, high = (op.low, op.high) if where in {"forward", "backward"} else (None, None)
        return cls(where, op.name, op.place, op.module, nan, low, high)


def forward_blame(checker: Checker, loss: torch.Tensor) -> Blame | None:
    """Return what made a loss NaN or Inf, None when the replay does not show it."""
    number = checker.producer(loss)
    return _back(checker, checker.ops[number]) if number is not None and any(flags(loss)) else None


def _back(checker: Checker, op: Op) -> Blame | None:
    """Follow what is not finite from an operation's result to where it arose."""
    for _ in range(len(checker.ops) + 1):
        if op.inner is not None:
            inside = _inside(checker, op)
            if inside is not None:
                op = inside
                continue
        bad = next((g for g in op.given if g.nan), None) or next((g for g in op.given if g.inf), None)
        if bad is None:
            return Blame.of("forward", op, nan=op.nan)
        if not bad.nan and op.nan and _intended(checker, op, bad):
            return Blame.of("forward", op, nan=True)
        if bad.producer is None:
            return Blame.of("weight" if bad.weight else "input", op, nan=bad.nan)
        before = checker.ops[bad.producer]
        if before.number >= op.number:
            return None
        op = before
    return None


def _inside(checker: Checker, op: Op) -> Op | None:
    """Return the last operation inside a custom function that gave NaN or Inf, if it was given finite values."""
    assert op.inner is not None
    if any(g.nan or g.inf for g in op.given):
        return None
    for inner in checker.ops[slice(*op.inner)]:
        if (inner.nan or inner.inf) and not any(g.nan or g.inf for g in inner.given):
            return inner
    return None


def _intended(checker: Checker, op: Op, bad: Any) -> bool:
    """Tell whether the Inf that an operation made NaN of is a mask: put there, not computed."""
    given = bad
    for _ in range(len(checker.ops) + 1):
        if given.producer is None:
            return bool(given.only_minus and op.name in MASKED and not given.weight)
        source = checker.ops[given.producer]
        if source.name in PLACING or source.infinite_scalar:
            return True
        up = next((g for g in source.given if g.inf), None)
        if up is None or source.nan:
            return False
        given = up
    return False


def backward_blame(checker: Checker, loss: torch.Tensor, leaves: list[torch.Tensor]) -> Blame | None:
    """Return what made a gradient NaN or Inf: an operation that was given finite gradients and gave others.

    The gradients of ``leaves`` are computed, and added nowhere.
    """
    looks = _Looks(checker, loss)
    try:
        grads = torch.autograd.grad(loss, leaves, grad_outputs=torch.ones_like(loss), allow_unused=True)
    finally:
        looks.remove()
    given: list[torch.Tensor | None] = list(grads)
    for leaf, grad in zip(leaves, given, strict=True):
        if grad is not None and any(flags(grad)):
            found = looks.origin_of(leaf)
            if found is not None:
                return found
    return None


class _Looks:
    """Hooks on every node of a graph: whether it was given, and gave, finite gradients."""

    def __init__(self, checker: Checker, loss: torch.Tensor) -> None:
        self.checker = checker
        self.bad_given: dict[Any, bool] = {}
        self.bad: dict[tuple[Any, int], bool] = {}  # (node, position of its input) -> whether NaN
        self.users: dict[Any, list[tuple[Any, int]]] = {}
        self.inner: dict[Any, tuple[int, int]] = {}
        self._handles: list[Any] = []
        for node in graph.walk(loss.grad_fn):
            for i, (up, _) in enumerate(node.next_functions):
                if up is not None:
                    self.users.setdefault(up, []).append((node, i))
            if not graph.is_leaf(node):
                self._handles.append(node.register_hook(self._after(node)))
                if isinstance(node, torch.autograd.function.BackwardCFunction):
                    self._handles.append(node.register_prehook(self._before(node)))

    def remove(self) -> None:
        """Take the hooks off."""
        if self.checker.inside:  # backward code of the program's raised
            self.checker.__exit__(None, None, None)
        for handle in self._handles:
            handle.remove()

    def _before(self, node: Any) -> Any:
        """Watch the program's own backward code operation by operation."""

        def look(grads: Any) -> None:
            del grads
            self.inner[node] = (len(self.checker.ops), -1)
            self.checker.place = None
            self.checker.__enter__()

        return look

    def _after(self, node: Any) -> Any:
        def look(grad_inputs: Any, grad_outputs: Any) -> None:
            if node in self.inner:
                self.checker.__exit__(None, None, None)
                self.inner[node] = (self.inner[node][0], len(self.checker.ops))
            self.bad_given[node] = any(g is not None and any(flags(g)) for g in grad_outputs)
            for i, g in enumerate(grad_inputs):
                if g is not None:
                    nan, inf = flags(g)
                    if nan or inf:
                        self.bad[node, i] = nan

        return look

    def origin_of(self, leaf: torch.Tensor) -> Blame | None:
        """Follow a spoilt gradient from a leaf up to the node that made it."""
        node = next((n for n in self.users if graph.is_leaf(n) and n.variable is leaf), None)
        seen: set[Any] = set()
        while node is not None and node not in seen:
            seen.add(node)
            user, i = next(((u, i) for u, i in self.users.get(node, ()) if (u, i) in self.bad), (None, 0))
            if user is None:
                return None
            if not self.bad_given[user]:
                return self._blame(user, nan=self.bad[user, i])
            node = user
        return None

    def _blame(self, node: Any, *, nan: bool) -> Blame | None:
        for op in self.checker.ops[slice(*self.inner[node])] if node in self.inner else ():
            if (op.nan or op.inf) and not any(g.nan or g.inf for g in op.given):
                return Blame.of("backward", op, nan=op.nan)
        number = self.checker.nodes.get(node)
        if number is None:
            return None
        return Blame.of("backward", self.checker.ops[number], nan=nan)
