"""One or two small weights near the input, into whose gradients a NaN made anywhere behind them flows."""

from typing import Any

import torch

from torchladder.probes import graph

NODES_MAX = 20_000
SENTINELS = 2


def sentinels_of(loss: torch.Tensor) -> list[torch.Tensor]:
    """Return leaves that between them lie upstream of as many nodes of the graph as two can."""
    if loss.grad_fn is None:
        return []
    depth: dict[Any, int] = {}
    users: dict[Any, list[Any]] = {}
    order = _topological(loss.grad_fn)
    for node in order:
        here = depth.setdefault(node, 0)
        for up in graph.parents(node):
            depth[up] = max(depth.get(up, 0), here + 1)
            users.setdefault(up, []).append(node)
    leaves = [n for n in order if graph.is_leaf(n) and n.variable.layout == torch.strided]
    leaves = [n for n in leaves if n.variable.is_floating_point() and isinstance(n.variable, torch.nn.Parameter)]
    covered: set[Any] = set()
    chosen: list[torch.Tensor] = []
    deepest = sorted(leaves, key=lambda n: (-depth[n], n.variable.numel()))
    while deepest and len(chosen) < SENTINELS:
        best = deepest.pop(0)
        near = [n for n in deepest if depth[n] >= depth[best] - 2 and n.variable.dim() == 1]
        if best.variable.dim() != 1 and near:
            best = near[0]
        behind = _behind(best, users)
        if len(behind - covered) < max(len(order) // 10, 1):
            continue
        covered |= behind
        chosen.append(best.variable)
    return chosen


def _behind(leaf: Any, users: dict[Any, list[Any]]) -> set[Any]:
    found: set[Any] = set()
    stack = list(users.get(leaf, ()))
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += users.get(node, ())
    return found


def _topological(start: Any) -> list[Any]:
    """Return the nodes with every node before those that it passes gradient to."""
    waiting: dict[Any, int] = {}
    nodes = []
    for node in graph.walk(start):
        nodes.append(node)
        for up in graph.parents(node):
            waiting[up] = waiting.get(up, 0) + 1
        if len(nodes) >= NODES_MAX:
            return nodes
    ready, order = [start], []
    while ready:
        node = ready.pop()
        order.append(node)
        for up in graph.parents(node):
            waiting[up] -= 1
            if waiting[up] == 0:
                ready.append(up)
    return order
