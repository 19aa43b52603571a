"""Backward passes written by hand, over NumPy arrays or plain tensors: layers, pairs, value and gradient."""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from torchladder.core.findings import Place
from torchladder.gradients import arrays, calls, tree
from torchladder.gradients.problem import Claimed, Leaf, Part, Refused, Tensor, argument_names, place_of, reseed, unique

PAIR = 2
ONE = torch.ones(1, dtype=torch.float64)


class WrittenProblem:
    """One of three forms.

    - An object with ``forward(*inputs)`` and ``backward(gradient_of_output)``, which returns the gradients of the
      inputs and keeps those of its parameters (``W`` and ``dW``, ``params`` and ``grads``, ``data`` and ``grad``).
    - A pair of functions: ``forward`` and ``backward(gradient_of_output, cache)``, or ``f`` and its gradient.
    - A function that returns its value and the gradients.
    """

    def __init__(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.notes: list[str] = []
        self.kwargs = dict(kwargs)
        self.owner = copy.deepcopy(target) if arrays.is_layer(target) else None
        self.pair: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        self.alone: Callable[..., Any] | None = None
        if self.owner is None and isinstance(target, list | tuple):
            self.pair = (target[0], target[1])
        elif self.owner is None:
            self.alone = target
        forward = self._forward_of(self.owner)
        self.args, self.leaves = _inputs(forward, args)
        self.stored: dict[str, arrays.Slot] = {}
        if self.owner is not None:
            self._widen()
        self._learn()
        unique(self.leaves)
        if not self.leaves:
            msg = "no parameter and no input is an array of floating-point numbers, so there is no gradient to check"
            raise Refused(msg)

    def _forward_of(self, owner: Any) -> Any:
        if owner is not None:
            return owner.forward
        return self.pair[0] if self.pair is not None else self.alone

    def _backward_of(self, owner: Any) -> Any:
        if owner is not None:
            return owner.backward
        return self.pair[1] if self.pair is not None else None

    def _widen(self) -> None:
        """Give every array of the object float64 numbers of its own."""
        for slot in list(arrays.slots(self.owner)):
            slot.put(arrays.widened(slot.get()))

    def _learn(self) -> None:
        """Run both passes once to see which arrays get gradients."""
        before = {s.path: s for s in arrays.slots(self.owner)} if self.owner is not None else {}
        owner = copy.deepcopy(self.owner)
        groups = self._input_groups()
        result = self._both(owner, torch.ones_like)[2]
        given = _matched(result, groups, [])
        for group in groups:
            if any(leaf.name in given for leaf in group):
                for leaf in group:
                    leaf.asked = True
        paths = [s.path for s in before.values()]
        kept = {p: arrays.gradient_slot(owner, _moved(s, owner)) for p, s in before.items()}
        gradients = {(id(g.owner), g.key) for g in kept.values() if g is not None}
        names = _leftover(result, len(groups))
        for path, slot in before.items():
            there = _moved(slot, owner)
            if (id(there.owner), there.key) in gradients:
                continue
            usual = bool(arrays.USUAL.fullmatch(str(path[-1]))) and any(kept.values())
            if kept[path] is None and not usual and not (names or _named(result, arrays.shown(slot, paths))):
                continue
            value = arrays.as_tensor(slot.get())
            if value is None or (kept[path] is None and not usual and names and not _fits(value, names)):
                continue
            leaf = Leaf(arrays.shown(slot, paths), "parameter", value, asked=True)
            self.stored[leaf.name] = slot
            self.leaves.append(leaf)
        self.leaves.sort(key=lambda leaf: leaf.kind == "input")

    def _arguments(self) -> list[Any]:
        return [tree.mapped(a, lambda _n, v: v.copy() if isinstance(v, np.ndarray) else v) for a in self.args]

    def _forward(self, owner: Any, args: list[Any]) -> calls.Passed:
        reseed()
        result = self._forward_of(owner)(*args, **self.kwargs)
        if self.alone is not None:
            return _value_and_gradient(result)
        return calls.passed(result, self._backward_of(owner), len(args))

    def _both(self, owner: Any, cotangent: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Any, calls.Passed]:
        """Run both passes; return output, cotangent, what the backward pass returned and what the forward pass did."""
        args = self._arguments()
        seen = self._forward(owner, args)
        output = calls.output_of(seen.output)
        if self.alone is not None:
            return output.reshape(-1), ONE, seen.cache, seen
        backward = self._backward_of(owner)
        method = owner is not None
        asks = calls.asks_for_upstream(backward, args, cached=seen.cached, method=method)
        if not asks and method and output.numel() > 1:
            msg = "`backward` takes no gradient of the output, and the output is no single number"
            raise Refused(msg)
        v = ONE if not asks and output.numel() == 1 else cotangent(output.reshape(-1))
        result = calls.called(backward, calls.upstream_like(seen.output, v), seen, args, method=method)
        return output.reshape(-1), v, result, seen

    def outputs(self) -> Tensor:
        """Return the output, from a copy: nothing is carried from one evaluation to the next."""
        return calls.output_of(self._forward(copy.deepcopy(self.owner), self._arguments()).output).reshape(-1)

    def warm(self) -> None:
        """Run the forward pass once on the object itself, which keeps of it what it keeps."""
        self._forward(self.owner, self._arguments())

    def gradients(self, cotangent: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, list[Claimed]]:
        """Run both passes on a copy."""
        owner = copy.deepcopy(self.owner)
        output, v, result, seen = self._both(owner, cotangent)
        claimed: dict[str, Any] = {}
        for name, slot in self.stored.items():
            found = arrays.gradient_slot(owner, _moved(slot, owner))
            if found is not None:
                claimed[name] = found.get()
        claimed |= _matched(result, self._input_groups(), [n for n in self.stored if n not in claimed])
        direct = self.pair is not None and not calls.asks_for_upstream(
            self.pair[1], self.args, cached=seen.cached, method=False
        )
        shaped = calls.output_of(seen.output)
        return output, v, [self._claim(leaf, claimed.get(leaf.name), shaped, v, direct=direct) for leaf in self.leaves]

    def _claim(self, leaf: Leaf, given: Any, output: Tensor, v: Tensor, *, direct: bool) -> Claimed:
        value = None if given is None else arrays.number(given)
        if value is None:
            return Claimed(None)
        if direct:
            pulled = calls.pulled_back(value, output, v, leaf.value.shape)
            return (
                Claimed(None, tuple(value.shape))
                if pulled is None
                else self._claim(leaf, pulled, output, v, direct=False)
            )
        if value.shape == leaf.value.shape:
            return Claimed(value)
        if value.numel() == leaf.value.numel() and [d for d in value.shape if d > 1] == [
            d for d in leaf.value.shape if d > 1
        ]:
            return Claimed(value.reshape(leaf.value.shape))  # (n,) and (n, 1)
        return Claimed(None, tuple(value.shape))

    def _input_groups(self) -> list[list[Leaf]]:
        """Return the leaves of each argument."""
        mine = sorted((leaf for leaf in self.leaves if leaf.argument >= 0), key=lambda leaf: leaf.argument)
        return [list(g) for _, g in itertools.groupby(mine, key=lambda leaf: leaf.argument)]

    def parts(self) -> Iterator[Part]:
        """Yield each layer below the object, with what it was called with."""
        if self.owner is None:
            return
        owner = copy.deepcopy(self.owner)
        given: dict[str, tuple[Any, tuple[Any, ...]]] = {}
        for name, layer in list(arrays.layers(owner)):
            _record(layer, name, given)
        self._forward(owner, self._arguments())
        for name, (layer, args) in given.items():
            problem = WrittenProblem(layer, args, {})
            owners = {leaf.name: f"{name}.{leaf.name}" for leaf in problem.leaves if leaf.kind == "parameter"}
            yield Part(name, problem, place_of(type(layer).backward), owners)

    def depths(self) -> dict[str, int]:
        """Return each parameter's distance, taking the layers to be held in the order in which they are called."""
        names = [leaf.name for leaf in self.leaves if leaf.kind == "parameter"]
        layers = list(dict.fromkeys(n.rpartition(".")[0] for n in names))
        return {n: len(layers) - layers.index(n.rpartition(".")[0]) for n in names}

    def place(self, leaf: Leaf) -> Place | None:
        """Return the backward pass of the object that holds a leaf."""
        if self.owner is None:
            return place_of(self.pair[1] if self.pair is not None else self.alone)
        found: Any = self.owner
        for name, layer in arrays.layers(self.owner):
            if leaf.kind == "parameter" and leaf.name.startswith(f"{name}."):
                found = layer
        return place_of(type(found).backward)


def _inputs(forward: Callable[..., Any], args: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Leaf]]:
    """Return the arguments in float64, and those that can be moved."""
    names = argument_names(forward, len(args))
    leaves: list[Leaf] = []
    numbers = not any(arrays.widened(v) is not None for a in args for _, v in tree.ends(a))

    def keep(name: str, value: Any) -> Any:
        wide = np.array(value) if numbers and isinstance(value, float) else arrays.widened(value)
        held = None if wide is None else arrays.as_tensor(wide)
        if held is None:
            return value
        whose = next(i for i, n in enumerate(names) if name == n or name.startswith(f"{n}."))
        nested = isinstance(args[whose], dict)
        short = name.removeprefix(f"{names[whose]}.") if nested else name
        leaves.append(Leaf(short, "parameter" if nested else "input", held, argument=whose))
        return wide

    made = tuple(tree.mapped(a, keep, n) for n, a in zip(names, args, strict=True))
    return made, leaves


def _moved(slot: arrays.Slot, root: Any) -> arrays.Slot:
    """Return the same place in a copy of the object."""
    return arrays.Slot(arrays.reached(root, slot.path[:-1]), slot.key, slot.path)


def _value_and_gradient(result: Any) -> calls.Passed:
    if not isinstance(result, tuple) or len(result) < PAIR:
        msg = "the function returns no gradient: give a pair (f, grad_f), or return the value and the gradient"
        raise Refused(msg)
    value = calls.output_of(result[0])
    if value.numel() != 1:
        msg = "the first value that the function returns is no single number, so the others are not its gradient"
        raise Refused(msg)
    return calls.Passed(result[0], result[1] if len(result) == PAIR else result[1:], cached=True)


def _record(layer: Any, name: str, given: dict[str, tuple[Any, tuple[Any, ...]]]) -> None:
    natural = layer.forward
    clean = copy.deepcopy(layer)

    def forward(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            given.setdefault(name, (clean, copy.deepcopy(args)))
        return natural(*args, **kwargs)

    layer.forward = forward


def _keys(name: str) -> list[str]:
    last = name.rpartition(".")[2]
    return [name, last, *(f"{p}{last}" for p in arrays.BEFORE), *(f"{last}{s}" for s in arrays.AFTER)]


def _named(result: Any, name: str) -> bool:
    return isinstance(result, Mapping) and any(k in result for k in _keys(name))


def _leftover(result: Any, inputs: int) -> list[Any]:
    """Return what a backward pass returns beyond the gradients of the inputs."""
    return list(result[inputs:]) if isinstance(result, tuple | list) and len(result) > inputs else []


def _fits(value: Tensor, given: list[Any]) -> bool:
    return any((n := arrays.number(g)) is not None and n.shape == value.shape for g in given)


def _matched(result: Any, groups: list[list[Leaf]], parameters: list[str]) -> dict[str, Any]:
    """Return by leaf what a backward pass returned for it."""
    leaves = [leaf for g in groups for leaf in g]
    if result is None:
        return {}
    if isinstance(result, Mapping):
        names = [*(leaf.name for leaf in leaves), *parameters]
        return {n: result[k] for n in names if (k := next((k for k in _keys(n) if k in result), None)) is not None}
    if not isinstance(result, tuple | list):
        return {leaves[0].name: result} if leaves else dict.fromkeys(parameters[:1], result)
    found: dict[str, Any] = {}
    rest = list(result)
    for group in groups:
        if not rest:
            break
        part = rest.pop(0)
        if len(group) == 1 and not isinstance(part, Mapping | tuple | list):
            found[group[0].name] = part
        elif isinstance(part, Mapping | list | tuple):
            found |= _matched(part, [[leaf] for leaf in group], [])
    return found | dict(zip(parameters, rest, strict=False))
