"""Walks over the autograd graph: which leaves a loss reaches, and what lies between two layers.

Only public attributes of graph nodes are used: ``next_functions``, ``name()`` and the ``variable``
of AccumulateGrad. Node names are torch's own; an unknown one counts as non-linear, so that a
claim of linearity errs on the side of silence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

MATRIX = 2  # dimensions of the smallest weight that mixes features
TAIL_MAX = 40  # operations between a layer and a loss that are read
Node = Any  # torch.autograd.graph.Node; C++ nodes do not subclass it on every torch supported

# Operations that only move, copy or select values.
MOVES = {
    "View", "UnsafeView", "ReshapeAlias", "Alias", "T", "Transpose", "Permute", "Squeeze", "Unsqueeze",
    "Expand", "Select", "Slice", "Clone", "ToCopy", "AsStrided", "Split", "SplitWithSizes", "Unbind",
    "Contiguous", "Detach", "Flatten", "Movedim", "Index", "IndexSelect", "Gather", "Repeat",
    "Cast", "Swapaxes", "Narrow", "Unflatten", "MaybeContiguous",
}  # fmt: skip
# Linear maps without weights, in what they are applied to.
WEIGHTLESS = {
    "Add", "Sub", "Rsub", "Neg", "Cat", "Stack", "Mean", "Sum", "AvgPool1D", "AvgPool2D", "AvgPool3D",
    "AdaptiveAvgPool1D", "AdaptiveAvgPool2D", "MkldnnAdaptiveAvgPool2D", "NativeDropout", "ConstantPadNd", "Div",
    "Mul", "UpsampleNearest2D", "UpsampleBilinear2D",
}  # fmt: skip
AFFINE = {"Addmm", "Mm", "Linear", "Convolution", "MkldnnConvolution", "Addmv", "Mv", "Bmm", "Baddbmm"}
NORMS = {"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm"}


def kind(node: Node) -> str:
    """Return "Addmm" for an AddmmBackward0 node."""
    name: str = node.name()
    name = name.rsplit("::", 1)[-1]
    head, found, _ = name.partition("Backward")
    return head if found else name


def is_leaf(node: Node) -> bool:
    """Tell whether a node accumulates into a leaf tensor."""
    return hasattr(node, "variable")


def parents(node: Node) -> list[Node]:
    """Return the nodes that ``node`` passes gradient to."""
    return [n for n, _ in node.next_functions if n is not None]


def walk(start: Node, stop: Callable[[Node], bool] | None = None) -> Iterator[Node]:
    """Yield every node reachable from ``start``, once, nearest first; not beyond nodes that ``stop``."""
    seen, queue = {start}, [start]
    for node in queue:
        yield node
        if stop is not None and stop(node):
            continue
        for up in parents(node):
            if up not in seen:
                seen.add(up)
                queue.append(up)


def leaves(t: torch.Tensor) -> list[torch.Tensor]:
    """Return the leaf tensors that gradient from ``t`` reaches."""
    if t.grad_fn is None:
        return [t] if t.requires_grad else []
    return [node.variable for node in walk(t.grad_fn) if is_leaf(node)]


def _leaf_behind(node: Node) -> torch.Tensor | None:
    """Return the leaf that ``node`` is a mere view of (a transposed weight, say)."""
    for _ in range(4):  # T, View, Expand and ToCopy are the most that torch puts before a weight
        if is_leaf(node):
            variable: torch.Tensor = node.variable
            return variable
        ups = parents(node)
        if len(ups) != 1 or kind(node) not in MOVES:
            return None
        node = ups[0]
    return None


@dataclass(frozen=True, slots=True)
class Affine:
    """One affine operation: its node, its weight, and the nodes its data comes from."""

    node: Node
    weight: torch.Tensor
    data: tuple[Node, ...]


def affine(node: Node) -> Affine | None:
    """Return ``node`` as an affine operation with a weight of two or more dimensions, or None."""
    if kind(node) not in AFFINE:
        return None
    weight, data = None, []
    for up in parents(node):
        leaf = _leaf_behind(up)
        if leaf is None:
            data.append(up)
        elif leaf.dim() >= MATRIX:
            weight = leaf
    return None if weight is None else Affine(node, weight, tuple(data))


def _is_product(node: Node) -> bool:
    """Tell whether a Mul, Div or matrix product has two operands that depend on weights."""
    ups = parents(node)
    return kind(node) in {"Mul", "Div", "Bmm", "Mm", "Baddbmm"} and len(ups) > 1


def is_weightless_linear(node: Node) -> bool:
    """Tell whether a node is linear in its operands and has no weight of its own."""
    name = kind(node)
    if name == "Mul" and len(parents(node)) > 1:
        return any(_leaf_behind(up) is not None for up in parents(node))
    return name in MOVES or (name in WEIGHTLESS and not _is_product(node))


def previous_affine(start: Node) -> Affine | None:
    """Return the nearest affine operation at or above ``start``, whatever lies between."""
    for node in walk(start, stop=lambda n: affine(n) is not None):
        found = affine(node)
        if found is not None:
            return found
    return None


def tail(start: Node) -> list[Node]:
    """Return the single-file nodes from ``start`` to before the nearest layer with weights."""
    found: list[Node] = []
    node: Node | None = start
    while node is not None and not is_leaf(node) and len(found) < TAIL_MAX:
        if affine(node) is not None:
            break
        found.append(node)
        ups = [up for up in parents(node) if not is_leaf(up)]
        node = ups[0] if len(ups) == 1 else None
    return found


def affine_pairs(start: Node) -> list[tuple[Affine, Affine]]:
    """Return (first, second) affine operations that nothing non-linear separates."""
    pairs = []
    for node in walk(start):
        second = affine(node)
        if second is None:
            continue
        for source in second.data:
            for up in walk(source, stop=lambda n: affine(n) is not None or not is_weightless_linear(n)):
                first = affine(up)
                if first is not None:
                    pairs.append((first, second))
    return pairs


def is_linear(start: Node) -> bool:
    """Tell whether everything above ``start`` is one linear map (batch norm counts as linear)."""
    for node in walk(start):
        linear = is_leaf(node) or affine(node) is not None or is_weightless_linear(node) or kind(node) in NORMS
        if not linear:
            return False
    return True
