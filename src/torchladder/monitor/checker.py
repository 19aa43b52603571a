"""Watches a replay operation by operation: which are given finite values and answer with NaN or Inf."""

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

from torchladder.core.findings import Place
from torchladder.monitor.applied import Applied
from torchladder.monitor.tape import tensors_of
from torchladder.probes import graph
from torchladder.probes.interceptor import name_of
from torchladder.runner.place import is_user_code, user_place

LIKE_DIVISION = {"div", "divide", "true_divide", "__truediv__", "fmod", "remainder", "floor_divide"}
QUERIES = {
    "requires_grad_",
    "backward",
    "grad",
    "register_hook",
    "retain_grad",
    "is_floating_point",
    "isfinite",
    "isnan",
}


@dataclass
class Given:
    """One operand: whether it held NaN or Inf, and what made it (None: it came from outside)."""

    nan: bool
    inf: bool
    only_minus: bool
    producer: int | None
    weight: bool
    name: str | None = None


@dataclass
class Op:
    """One operation of a replay."""

    number: int
    name: str
    place: Place | None
    module: str | None
    given: list[Given]
    low: float | None
    high: float | None
    nan: bool = False
    inf: bool = False
    infinite_scalar: bool = False
    inner: tuple[int, int] | None = None  # of a custom function: the operations inside it


@dataclass(eq=False)
class Checker(TorchFunctionMode):
    """The mode; ``ops`` is what it saw, ``nodes`` which operation made a node of the graph."""

    stop_at: FrameType | None = None
    ops: list[Op] = field(default_factory=list)
    nodes: dict[Any, int] = field(default_factory=dict)
    place: Place | None = None  # of the call that is replayed, for operations that no line of the program makes
    prefix: dict[int, str] = field(default_factory=dict)  # names of modules, by id
    weights: dict[int, str] = field(default_factory=dict)  # names of parameters and buffers, by id

    def __post_init__(self) -> None:
        super().__init__()
        self.inside = False
        self._producers: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._modules: list[nn.Module] = []
        self._handles: list[Any] = []
        self._applied = Applied(self._custom)

    def __enter__(self) -> "Checker":
        """Look."""
        self._handles = [
            hooks.register_module_forward_pre_hook(lambda m, _: self._modules.append(m)),
            hooks.register_module_forward_hook(self._leave, with_kwargs=True, always_call=True),
        ]
        self._applied.on()
        self.inside = True
        return super().__enter__()  # type: ignore[no-untyped-call, no-any-return]

    def __exit__(self, *error: object) -> None:
        """Stop looking."""
        self.inside = False
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._applied.off()
        for handle in self._handles:
            handle.remove()

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        del args, kwargs, out
        if self._modules and self._modules[-1] is module:
            self._modules.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Let a call happen, and note whether it made NaN or Inf."""
        kwargs = kwargs or {}
        name = name_of(func)
        if name in QUERIES or "__get__" in name or "__set__" in name:
            out = func(*args, **kwargs)
            self._pass_on(args, out)
            return out
        op = self._op(name, (args, kwargs))
        out = func(*args, **kwargs)
        self._result(op, out, args[0] if args and name == "__setitem__" else None)
        return out

    def _custom(self, cls: type, args: tuple[Any, ...], run: Callable[[], Any]) -> Any:
        """Note a custom function as one operation, with those inside it."""
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - our own looks are not the program's
            place = self._own_place()
            operands = self._operands((args, {}))
        first = len(self.ops)
        out = run()
        op = Op(-1, cls.__name__, place, self._module(), *operands)
        op.inner = (first, len(self.ops))
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            self._result(op, out, None)
        return out

    def _op(self, name: str, given: tuple[Any, Any]) -> Op:
        shown = name if name.startswith("__") else name.rstrip("_")
        operands = self._operands(given, divides=shown in LIKE_DIVISION)
        scalars = [v for v in (*given[0], *given[1].values()) if isinstance(v, float)]
        op = Op(-1, shown, self._own_place(), self._module(), *operands)
        op.infinite_scalar = any(v - v != 0 for v in scalars)
        return op

    def _own_place(self) -> Place | None:
        """Return the program's line within the replay, else the line that the tape knows."""
        frame: FrameType | None = sys._getframe()  # noqa: SLF001
        while frame is not None and frame is not self.stop_at:
            if is_user_code(frame.f_code.co_filename):
                return user_place()
            frame = frame.f_back
        return self.place

    def _operands(
        self, given: tuple[Any, Any], *, divides: bool = False
    ) -> tuple[list[Given], float | None, float | None]:
        tensors = [t for t in tensors_of(list(given), 4) if _measurable(t)]
        floats = [t for t in tensors if t.is_floating_point()]
        rows = [self._given(t) for t in floats]
        args = given[0]
        other = args[1] if divides and len(args) > 1 else given[1].get("other") if divides else None
        if isinstance(other, int | float):
            return rows, float(other), float(other)
        operand = (tensors[-1] if divides else (floats or tensors)[0]) if tensors else None
        low, high = span(operand) if operand is not None else (None, None)
        return rows, low, high

    def _given(self, t: torch.Tensor) -> Given:
        nan, inf = flags(t)
        ref, number = self._producers.get(id(t), (None, None))
        known = number if ref is not None and ref() is t else None
        only_minus = inf and not bool((t.detach() == float("inf")).any())
        name = self.weights.get(id(t))
        if known is not None and t.grad_fn is not None:  # a custom function's node appears when it has returned
            self._claim(t.grad_fn, known)
        return Given(nan, inf, only_minus, known, name is not None or isinstance(t, nn.Parameter), name)

    def _result(self, op: Op, out: Any, written: torch.Tensor | None) -> None:
        op.number = len(self.ops)
        self.ops.append(op)
        for t in [written] if written is not None else tensors_of(out, 3):
            if _measurable(t) and t.is_floating_point():
                nan, inf = flags(t)
                op.nan, op.inf = op.nan or nan, op.inf or inf
            self._producers[id(t)] = (weakref.ref(t), op.number)
            if t.grad_fn is not None:
                self._claim(t.grad_fn, op.number)

    def _pass_on(self, args: Any, out: Any) -> None:
        """A view or property of a tensor was made by what made the tensor."""
        if isinstance(out, torch.Tensor) and args and isinstance(args[0], torch.Tensor):
            ref, number = self._producers.get(id(args[0]), (None, -1))
            if ref is not None and ref() is args[0]:
                self._producers[id(out)] = (weakref.ref(out), number)

    def _claim(self, node: Any, number: int) -> None:
        """Note that an operation made a node, and those before it that no operation has claimed."""
        stack = [node]
        while stack:
            up = stack.pop()
            if up not in self.nodes and not graph.is_leaf(up):
                self.nodes[up] = number
                stack += graph.parents(up)

    def producer(self, t: torch.Tensor) -> int | None:
        """Return the operation that made a tensor."""
        ref, number = self._producers.get(id(t), (None, -1))
        return number if ref is not None and ref() is t else None

    def _module(self) -> str | None:
        if not self._modules:
            return None
        inner = self._modules[-1]
        return self.prefix.get(id(inner)) or type(inner).__name__


def _measurable(t: torch.Tensor) -> bool:
    return t.layout == torch.strided and not t.is_meta and not t.is_complex() and t.numel() > 0 and not t.is_quantized


@torch.no_grad()
def flags(t: torch.Tensor) -> tuple[bool, bool]:
    """Return whether a tensor holds NaN, and whether it holds Inf."""
    values = t.detach()
    if bool(torch.isfinite(values).all()):
        return False, False
    return bool(torch.isnan(values).any()), bool(torch.isinf(values).any())


@torch.no_grad()
def span(t: torch.Tensor) -> tuple[float | None, float | None]:
    """Return the least and the largest finite value."""
    values = t.detach()
    values = values.float() if values.dtype in {torch.float16, torch.bfloat16, torch.bool} else values
    if values.is_floating_point():
        values = values[torch.isfinite(values)]
    if values.numel() == 0:
        return None, None
    low, high = torch.aminmax(values)
    return float(low), float(high)
