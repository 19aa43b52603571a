"""What the graph of a loss still knows when the step cannot be replayed: the tensors that its nodes saved.

A node whose saved operands are finite and whose result is not has made the first NaN or Inf, if it is the only such.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from torchladder.monitor.checker import flags, span
from torchladder.monitor.tape import NODES_MAX, Made
from torchladder.probes import graph

Operands = tuple[torch.Tensor | float, ...]


def _unary(name: str, function: Callable[[Any], Any]) -> tuple[str, Callable[[Any], tuple[Operands, Any]]]:
    return name, lambda node: ((node._saved_self,), function(node._saved_self))  # noqa: SLF001


def _result(name: str, operand: Callable[[Any], Any]) -> tuple[str, Callable[[Any], tuple[Operands, Any]]]:
    """Return for a node that saved its result: the operand follows from it."""
    return name, lambda node: ((operand(node._saved_result),), node._saved_result)  # noqa: SLF001


def _div(node: Any) -> tuple[Operands, Any]:
    other = node._saved_other  # noqa: SLF001
    above = getattr(node, "_saved_self", None)
    return (other,) if above is None else (other, above), (1.0 if above is None else above) / other


def _mul(node: Any) -> tuple[Operands, Any]:
    one, other = node._saved_self, node._saved_other  # noqa: SLF001
    return (one, other), one * other


def _power(node: Any) -> tuple[Operands, Any]:
    return (node._saved_self,), node._saved_self**node._saved_exponent  # noqa: SLF001


# By the kind of a node: (name of the function, its operands and its result as far as they were saved).
KINDS: dict[str, tuple[str, Callable[[Any], tuple[Operands, Any]]]] = {
    "Log": _unary("log", torch.log),
    "Log2": _unary("log2", torch.log2),
    "Log10": _unary("log10", torch.log10),
    "Log1P": _unary("log1p", torch.log1p),
    "Acos": _unary("acos", torch.acos),
    "Asin": _unary("asin", torch.asin),
    "Atanh": _unary("atanh", torch.atanh),
    "Sinh": _unary("sinh", torch.sinh),
    "Cosh": _unary("cosh", torch.cosh),
    "Sqrt": _result("sqrt", lambda r: r * r),
    "Exp": _result("exp", torch.log),
    "Reciprocal": _result("reciprocal", torch.reciprocal),
    "Div": ("div", _div),
    "Mul": ("mul", _mul),
    "Pow": ("pow", _power),
}
FOLLOWS = {"Sqrt", "Exp", "Reciprocal"}  # their operand is not saved: it must be shown finite otherwise


@dataclass(frozen=True)
class Explained:
    """A node that made NaN or Inf of finite values."""

    made: Made
    nan: bool
    low: float | None
    high: float | None


def explained(start: Any, made: dict[int, Made], kinds: tuple[str, ...]) -> Explained | None:
    """Return the only node of a graph that made NaN or Inf of finite values, None when it is not proved.

    ``made`` and ``kinds`` are of an earlier graph of the same loss: what made which node.
    """
    nodes = []
    for node in graph.walk(start):
        nodes.append(node)
        if len(nodes) >= NODES_MAX:
            return None
    same = tuple(map(graph.kind, nodes)) == kinds
    found = list(_found(nodes))
    if len(found) != 1:
        return None
    number, name, nan, operand = found[0]
    known = made.get(number) if same else _only(made, kinds, graph.kind(nodes[number]))
    low, high = span(operand) if isinstance(operand, torch.Tensor) else (float(operand), float(operand))
    return Explained(known or Made(name, None, None), nan, low, high)


def _found(nodes: list[Any]) -> Iterator[tuple[int, str, bool, Any]]:
    for number, node in enumerate(nodes):
        kind = graph.kind(node)
        if kind not in KINDS or kind in FOLLOWS:
            continue
        name, read = KINDS[kind]
        with contextlib.suppress(AttributeError, RuntimeError, TypeError), torch.no_grad():
            operands, result = read(node)
            tensors = [t for t in operands if isinstance(t, torch.Tensor)]
            if any(any(flags(t)) for t in tensors):
                continue
            nan, inf = flags(result)
            if nan or inf:
                yield number, name, nan, operands[0]


def _only(made: dict[int, Made], kinds: tuple[str, ...], kind: str) -> Made | None:
    """Return what made the nodes of a kind, if one line made them all."""
    found = {m for number, m in made.items() if kinds[number] == kind}
    return found.pop() if len(found) == 1 else None
