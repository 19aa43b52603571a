"""Records the tape of a step: a mode that sees torch's functions, and global hooks that see which model is called.

It is on for the first steps of a run only, and not at all where something is compiled.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from torchladder.monitor.applied import Applied
from torchladder.monitor.tape import Entry, Made, Mutation, Scroll, tensors_of
from torchladder.probes.interceptor import name_of
from torchladder.runner.place import user_place

ENTRIES_MAX = 20_000
WRITERS = {"__setitem__", "copy_", "__iadd__", "__isub__", "__imul__", "__idiv__", "__itruediv__"}


class Recorder(TorchFunctionMode):
    """Keeps the scroll of the step in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.scroll = Scroll()
        self.on = False
        self.paused = 0
        self.failure: str | None = None
        self._stack: list[nn.Module] = []
        self._depth = 0
        self._home = (0, 0)
        self._before = torch.empty(0)
        self._handles: list[Any] = []
        self._applied = Applied(self._custom)
        self._pushed = False
        self._waiting: Any = None

    # --- life ---------------------------------------------------------------------------------

    def wait(self) -> None:
        """Begin with the first training call of a model: a program without a loader gives no earlier sign."""
        self._waiting = hooks.register_module_forward_pre_hook(self._first)

    def _first(self, module: nn.Module, args: Any) -> None:
        if torch.is_grad_enabled() and module.training and next(module.parameters(), None) is not None:
            with self._guarded("the first call"):
                started = self.start()
            if started and self.failure is None:
                self._enter(module, args)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.remove()
            self._waiting = None

    def start(self) -> bool:
        """Begin to record; False where that could disturb the program."""
        self._wait_no_more()
        strangers = [m for m in _get_current_function_mode_stack() if not isinstance(m, DeviceContext)]  # type: ignore[no-untyped-call]
        if self.on or self._pushed or strangers or anything_compiled():
            return False
        self._home = (os.getpid(), threading.get_ident())
        self.scroll = Scroll()
        self._handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave, with_kwargs=True, always_call=True),
        ]
        self._applied.on()
        self.__enter__()  # type: ignore[no-untyped-call]
        self.on = self._pushed = True
        return True

    def restart(self) -> None:
        """Begin a new step."""
        self.scroll = Scroll()
        self._stack, self._depth = [], 0

    def stop(self) -> None:
        """End it; a mode that is buried under others passes everything through until it can leave."""
        self.on = False
        self._wait_no_more()
        self.scroll = Scroll()
        self._stack = []
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._applied.off()
        if self._pushed and _get_current_function_mode() is self:  # type: ignore[no-untyped-call]
            self.__exit__(None, None, None)
            self._pushed = False

    # --- what is seen -------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Let a call happen and note it."""
        kwargs = kwargs or {}
        if self._blind():
            return func(*args, **kwargs)
        return self._noted(func, name_of(func), args, kwargs, lambda: func(*args, **kwargs))

    def _noted(self, call: Any, name: str, args: Any, kwargs: Any, run: Callable[[], Any]) -> Any:
        outside = self._depth == 0
        entry, before = None, None
        if outside:
            with self._guarded(name):
                entry = self._entry(call, name, args, kwargs)
                before = torch.default_generator.get_state()
        self._depth += 1
        try:
            out = run()
        finally:
            self._depth = max(self._depth - 1, 0)
        with self._guarded(name):
            self._made(name, out)
            if entry is not None and before is not None:
                self._add(entry, out, before)
        return out

    def _custom(self, cls: Any, args: tuple[Any, ...], run: Callable[[], Any]) -> Any:
        if self._blind():
            return run()
        out = self._noted(cls.apply, cls.__name__, args, {}, run)
        if self._depth == 0 and self.scroll.entries:
            self.scroll.entries[-1].grad = True
        return out

    def _entry(self, call: Any, name: str, args: Any, kwargs: Any) -> Entry:
        scroll = self.scroll
        writes = bool(args) and isinstance(args[0], torch.Tensor) and _writes(name)
        kind = Mutation if writes else Entry
        entry = kind(
            call, name, scroll.symbol(tuple(args)), scroll.symbol(dict(kwargs)), user_place(), None,
            torch.is_grad_enabled(), autocast_state(), mutates=writes,
        )  # fmt: skip
        if isinstance(entry, Mutation):
            entry.mutated = args[0]
        return entry

    def _add(self, entry: Entry, out: Any, before: torch.Tensor) -> None:
        entry.random = not torch.equal(before, torch.default_generator.get_state())
        if entry.mutates or entry.random or tensors_of(out):
            self.scroll.add(entry, out)
        if len(self.scroll.entries) > ENTRIES_MAX:
            self.failure = "the step is too long to be recorded"

    def _made(self, name: str, out: Any) -> None:
        """Remember which line made a node of the graph."""
        for t in tensors_of(out, 2):
            if t.grad_fn is not None:
                module = type(self._stack[-1]).__name__ if self._stack else None
                self.scroll.nodes.append((t.grad_fn, Made(name, user_place(), module)))

    def _blind(self) -> bool:
        """Tell whether a call is none of ours: of our own making, of a forked worker, of another thread."""
        if not self.on or self.paused or self.failure:
            return True
        return self._home != (os.getpid(), threading.get_ident())

    def _enter(self, module: nn.Module, args: Any) -> None:
        """A module is called; the outermost one with weights is a model."""
        del args
        if self._blind():
            return
        if not self._stack and (self._depth or next(module.parameters(), None) is None):
            return
        if not self._stack:
            self._before = torch.default_generator.get_state()
            self._depth += 1
        self._stack.append(module)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        """A module has returned, or raised."""
        if not self._stack or self._stack[-1] is not module or self._home[1] != threading.get_ident():
            return
        self._stack.pop()
        if self._stack:
            return
        self._depth = max(self._depth - 1, 0)
        if not self._blind():
            with self._guarded("model"):
                scroll = self.scroll
                entry = Entry(
                    module, type(module).__name__, scroll.symbol(tuple(args)), scroll.symbol(dict(kwargs)),
                    user_place(), module, torch.is_grad_enabled(), autocast_state(),
                )  # fmt: skip
                self._add(entry, out, self._before)

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Any:
        """Give up on a defect of ours; the program goes on."""
        self.paused += 1
        try:
            yield
        except Exception as error:
            self.failure = f"recording {name}: {type(error).__name__}: {error}"
        finally:
            self.paused -= 1


def _writes(name: str) -> bool:
    return name in WRITERS or (name.endswith("_") and not name.endswith("__"))


def autocast_state() -> tuple[bool, torch.dtype, bool, torch.dtype]:
    """Return whether and in which type operations run, on the CPU and on a GPU."""
    return (
        torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"),
        torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda"),
    )  # fmt: skip


def anything_compiled() -> bool:
    """Tell whether anything of the program goes through torch.compile, which modes would disturb."""
    module = sys.modules.get("torch._dynamo.eval_frame")
    if module is None:
        return False
    backends = getattr(module, "cached_backends", None)
    return backends is None or any(made is not None for made in backends.values())
