"""Modules and functions of PyTorch as problems: a float64 copy whose parameters and inputs can be moved."""

import copy
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.findings import Place
from torchladder.gradients import tree
from torchladder.gradients.problem import (
    Claimed,
    Leaf,
    Part,
    Refused,
    Tensor,
    WrongShape,
    argument_names,
    place_of,
    reseed,
    unique,
)  # fmt: skip

INVALID = re.compile(r"Function (\w+) returned an invalid gradient at index (\d+) - got (\[.*?\]) but .*?(\[.*?\])")
MOST_CALLS = 64  # calls of hand-written functions that are kept for a closer look
Function = torch.autograd.Function


def is_function_class(value: Any) -> bool:
    """Tell whether a value is a class with a hand-written backward pass."""
    return isinstance(value, type) and issubclass(value, Function)


def doubled(value: Any) -> Any:
    """Return a tensor in double precision, detached; anything else as it is."""
    if not isinstance(value, Tensor):
        return value
    found = value.detach()
    if found.is_complex():
        return found.to(torch.complex128).clone()
    return found.to(torch.float64).clone() if found.is_floating_point() else found


def real(value: Tensor) -> Tensor:
    """Return a tensor of real numbers on the same memory."""
    return torch.view_as_real(value) if value.is_complex() else value


class TorchProblem:
    """A module, a function, or an autograd function with its inputs."""

    def __init__(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.notes: list[str] = []
        self.module = _copied(target) if isinstance(target, nn.Module) else None
        call = self.module if self.module is not None else target
        self.call: Callable[..., Any] = call.apply if is_function_class(call) else call
        self.code = target.forward if isinstance(target, nn.Module) or is_function_class(target) else target
        self.graded = False  # whether the forward pass itself needs gradients
        self.kept: list[int] | None = None
        self.owned: dict[str, nn.Parameter] = {}
        self.buffers = {} if self.module is None else {k: b.clone() for k, b in self.module.named_buffers()}
        self.leaves = [*self._parameters(), *self._inputs(args, kwargs)]
        unique(self.leaves)
        if not self.leaves:
            msg = "no parameter and no input is a tensor of real or complex numbers, so there is no gradient to check"
            raise Refused(msg)

    def _parameters(self) -> Iterator[Leaf]:
        if self.module is None:
            return
        fixed: dict[int, Tensor] = {}
        for m in self.module.modules():
            if "spectralnorm" in type(m).__name__.lower():
                m.eval()  # its power iteration is no part of the derivative
            if isinstance(m, nn.Embedding | nn.EmbeddingBag) and m.padding_idx is not None:
                mask = torch.zeros(m.weight.shape, dtype=torch.bool)
                mask[m.padding_idx] = True
                fixed[id(m.weight)] = mask
        frozen = 0
        for name, p in self.module.named_parameters():
            if not p.requires_grad:
                frozen += 1
            elif isinstance(p, nn.parameter.UninitializedParameter):
                msg = f"`{name}` has no shape yet; call the module once before it is checked"
                raise Refused(msg)
            else:
                self.owned[name] = p
                yield Leaf(name, "parameter", real(p.data), fixed.get(id(p)))
        if frozen:
            self.notes.append(f"{frozen} frozen parameters were left out")

    def _inputs(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Leaf]:
        skip = _context(self.call_owner) if is_function_class(self.call_owner) else 0
        names = self.names = argument_names(self.code, len(args), skip=skip)
        given = [*zip(names, args, strict=True), *kwargs.items()]
        originals = [(n, v) for name, part in given for n, v in tree.ends(part, name) if isinstance(v, Tensor)]
        asked = [n for n, v in originals if v.requires_grad]
        leaves: list[Leaf] = []
        self.inputs: dict[str, Tensor] = {}

        def keep(name: str, value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            value = doubled(value)
            if not (value.is_floating_point() or value.is_complex()):
                return value
            self.inputs[name] = value
            if not asked or name in asked:
                leaves.append(Leaf(name, "input", real(value), asked=name in asked))
            return value

        self.args = tuple(tree.mapped(v, keep, n) for n, v in zip(names, args, strict=True))
        self.kwargs = {k: tree.mapped(v, keep, k) for k, v in kwargs.items()}
        return leaves

    @property
    def call_owner(self) -> Any:
        """The class whose ``apply`` is called, or what is called itself."""
        return getattr(self.call, "__self__", self.call)

    def _run(self, *, tracked: bool = False) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return the outputs of one forward pass from the same state, and the tracked inputs."""
        reseed()
        if self.module is not None and self.buffers:
            with torch.no_grad():
                for name, b in self.module.named_buffers():
                    if name in self.buffers and b.shape == self.buffers[name].shape:
                        b.copy_(self.buffers[name])
        wanted = {leaf.name for leaf in self.leaves if leaf.kind == "input"} if tracked else set()
        made: dict[str, Tensor] = {}

        def give(name: str, value: Any) -> Any:
            if not isinstance(value, Tensor) or name not in self.inputs:
                return value
            own = value.clone()
            if name in wanted:
                made[name] = own.requires_grad_()
                own = own.clone()  # so that a function may write into its input
            return own

        args = [tree.mapped(v, give, n) for n, v in zip(self.names, self.args, strict=True)]
        kwargs = {k: tree.mapped(v, give, k) for k, v in self.kwargs.items()}
        found = [v for _, v in tree.ends(self.call(*args, **kwargs)) if isinstance(v, Tensor)]
        return found, made

    def outputs(self) -> Tensor:
        """Return the outputs that can be differentiated."""
        with torch.set_grad_enabled(self.graded):
            found, _ = self._run()
        chosen = [found[i] for i in self.kept] if self.kept is not None else [v for v in found if _is_real(v)]
        return flat(chosen).detach()

    def warm(self) -> None:
        """Run the forward pass; the module keeps of it what it keeps."""
        self.outputs()

    def gradients(self, cotangent: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, list[Claimed]]:
        """Run both passes."""
        with torch.enable_grad():
            found, made = self._run(tracked=True)
            self._choose(found)
            whole = flat([found[i] for i in self.kept or ()])
            v = cotangent(whole.detach())
            finite = torch.isfinite(whole.detach())
            safe = whole if bool(finite.all()) else whole[finite]
            sources = [self.owned[leaf.name] if leaf.kind == "parameter" else made[leaf.name] for leaf in self.leaves]
            weights = v[finite] if safe is not whole else v
            try:
                got = torch.autograd.grad(safe, sources, weights, allow_unused=True)
            except RuntimeError as error:
                self._refused(str(error))
                raise
        return whole.detach(), v, [_claimed(g) for g in got]

    def _refused(self, said: str) -> None:
        """Raise WrongShape where autograd says that a hand-written function gave a gradient of another shape."""
        told = INVALID.search(said)
        cls = next((c for c in self.classes() if told is not None and f"{c.__name__}Backward" == told[1]), None)
        if told is None or cls is None:
            return
        index, got, expected = int(told[2]), told[3], tuple(int(n) for n in re.findall(r"\d+", told[4]))
        names = argument_names(cls.forward, index + 2)[_context(cls) :]
        argument = names[index] if index < len(names) else f"argument {index}"
        owner = next((o[argument] for c, _, o in self._calls({cls}) if c is cls and argument in o), argument)
        leaf = next((x for x in self.leaves if x.name == owner), None)
        raise WrongShape(
            DerivativeFact(
                owner,
                "input" if leaf is None else leaf.kind,
                expected,
                "shape",
                pattern=f"its gradient has shape {got}, it has {list(expected)}",
                culprit=cls.__name__,
                argument=argument,
                where=place_of(cls.backward),
            )
        )

    def _choose(self, found: list[Tensor]) -> None:
        """Keep the outputs that have a graph."""
        if self.kept is None:
            self.kept = [i for i, v in enumerate(found) if _is_real(v) and v.requires_grad]
        if self.kept:
            return
        if not found:
            msg = "no output is a tensor, so there is nothing to differentiate"
        elif not any(_is_real(v) for v in found):
            msg = f"the output is {str(found[0].dtype).removeprefix('torch.')}, which cannot be differentiated"
        else:
            msg = "no output has a gradient function: the graph is cut on the way (detach, item, NumPy or no_grad)"
        raise Refused(msg)

    def place(self, leaf: Leaf) -> Place | None:
        """Return the backward pass of the only hand-written function, else where the module or function begins."""
        found = sorted(self.classes(), key=lambda c: c.__name__)
        if len(found) == 1:
            return place_of(found[0].backward)
        owner: Any = self.module
        if owner is not None and leaf.kind == "parameter":
            owner = owner.get_submodule(leaf.name.rpartition(".")[0])
        if owner is None:
            return place_of(self.code)
        own = type(owner).__module__.partition(".")[0] != "torch"
        return place_of(type(owner).forward) if own else place_of(self.code)

    def _graph(self) -> tuple[dict[Any, int], dict[str, Tensor]]:
        """Return the nodes of the graph with their distance from the outputs, and the tracked inputs."""
        with torch.enable_grad():
            found, made = self._run(tracked=True)
        depths: dict[Any, int] = {}
        level: list[Any] = [v.grad_fn for v in found if v.grad_fn is not None]
        while level:
            fresh = [n for n in dict.fromkeys(level) if n not in depths]
            depths |= dict.fromkeys(fresh, max(depths.values(), default=-1) + 1)
            level = [n for node in fresh for n, _ in node.next_functions if n is not None]
        return depths, made

    def classes(self) -> set[Any]:
        """Return the hand-written functions in the graph."""
        made = {getattr(type(n), "_forward_cls", None) for n in self._graph()[0]}
        return {c for c in made if is_function_class(c)}

    def depths(self) -> dict[str, int]:
        """Return each leaf's distance from the outputs in the graph."""
        nodes, made = self._graph()
        owners = {id(v): k for k, v in (*self.owned.items(), *made.items())}
        ends = [(owners.get(id(getattr(node, "variable", None))), d) for node, d in nodes.items()]
        return {name: d for name, d in ends if name is not None}

    def parts(self) -> Iterator[Part]:
        """Yield each call of a hand-written function in one pass."""
        if is_function_class(self.call_owner):
            return
        for cls, args, owners in self._calls(self.classes()):
            piece = TorchProblem(cls, args, {})
            yield Part(cls.__name__, piece, place_of(cls.backward), owners)

    def _calls(self, classes: set[Any]) -> list[tuple[Any, tuple[Any, ...], dict[str, str]]]:
        """Return the calls of hand-written functions in a forward pass: arguments, and which of them are leaves."""
        known = {leaf.value.data_ptr(): leaf.name for leaf in self.leaves}
        calls: list[tuple[Any, tuple[Any, ...], dict[str, str]]] = []
        with _recorded(classes, calls, known), torch.enable_grad():
            self._run(tracked=True)
        return calls


def _context(cls: Any) -> int:
    """Return how many arguments of ``forward`` are not given by the caller: its context, in the older style."""
    return 1 if cls.setup_context is _NONE else 0


@contextmanager
def _recorded(classes: set[Any], calls: list[Any], known: dict[int, str]) -> Iterator[None]:
    """Keep the arguments of every call of these functions."""

    def wrapped(cls: Any, natural: Any) -> Any:
        def apply(*args: Any, **kwargs: Any) -> Any:
            if len(calls) < MOST_CALLS and not kwargs:
                called = argument_names(cls.forward, len(args), skip=_context(cls))
                owners = {
                    n: known[a.data_ptr()]
                    for n, a in zip(called, args, strict=True)
                    if isinstance(a, Tensor) and a.data_ptr() in known
                }
                kept = tuple(_asking(a) if isinstance(a, Tensor) else a for a in args)
                calls.append((cls, kept, owners))
            return natural(*args, **kwargs)

        return apply

    stored = {cls: cls.__dict__.get("apply") for cls in classes}
    for cls in classes:
        cls.apply = wrapped(cls, cls.apply)
    try:
        yield
    finally:
        for cls, own in stored.items():
            if own is None:
                del cls.apply
            else:
                cls.apply = own


_NONE = Function.setup_context


def _asking(value: Tensor) -> Tensor:
    """Return a copy that says whether its gradient is wanted."""
    return value.detach().clone().requires_grad_(value.requires_grad)


def _copied(module: nn.Module) -> nn.Module:
    try:
        made = copy.deepcopy(module)
    except Exception as error:
        msg = f"the module cannot be copied ({type(error).__name__}: {error}), and it is not changed in place"
        raise Refused(msg) from error
    for t in itertools.chain(made.parameters(), made.buffers()):
        if t.is_complex():
            t.data = t.data.to(torch.complex128)
        elif t.is_floating_point():
            t.data = t.data.to(torch.float64)
    for p in made.parameters():
        p.grad = None
        p.data = p.data.clone()  # views of one memory would move together
    return made


def _is_real(value: Tensor) -> bool:
    return value.is_floating_point() or value.is_complex()


def flat(values: list[Tensor]) -> Tensor:
    """Return all elements of all outputs as one row of real numbers."""
    dense = [v.to_dense() if v.layout is not torch.strided else v for v in values]
    rows = [real(v.resolve_conj()).reshape(-1).to(torch.float64) for v in dense]
    return torch.cat(rows) if rows else torch.zeros(0)


def _claimed(g: Tensor | None) -> Claimed:
    if g is None:
        return Claimed(None)
    dense = g.to_dense() if g.layout is not torch.strided else g
    return Claimed(real(dense.resolve_conj()).to(torch.float64).detach().clone())
