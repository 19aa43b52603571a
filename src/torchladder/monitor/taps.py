"""Where a monitor is told of what happens: backward passes, optimizer steps, batches.

Nothing of torch is changed but four doors, and those are put back at the end.
"""

import functools
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader


class Listener(Protocol):
    """What a monitor does at each door. None of it may raise."""

    def before_backward(self, tensors: Any) -> None:
        """A backward pass begins at these tensors."""

    def after_backward(self) -> None:
        """It has ended."""

    def before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """An optimizer is about to step, called with these arguments."""

    def after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """It has stepped."""

    def opened(self, loader: Any) -> None:
        """A pass over a loader begins."""

    def served(self, loader: Any, batch: Any, seconds: float) -> None:
        """A batch has come, after so long a wait."""

    def mode(self, module: Any, *, training: bool) -> None:
        """``train()`` or ``eval()`` was called on a module, from outside such a call."""


class Stream:
    """An iterator over a loader's batches that tells of each one, and how long it was waited for."""

    def __init__(self, inner: Iterator[Any], loader: Any, listener: Listener) -> None:
        self.__dict__.update(_inner=inner, _loader=loader, _listener=listener)

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Any:
        began = perf_counter()
        batch = next(self._inner)
        self._listener.served(self._loader, batch, perf_counter() - began)
        return batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __len__(self) -> int:
        return len(self._inner)


class Taps:
    """Puts the taps in, and takes them out again."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._undo: list[Callable[[], Any]] = []
        self._before_step: Any = None  # handle of the door that is open only when wanted
        self.failures: dict[str, str] = {}

    def open(self) -> None:
        """Attach; a door that cannot be tapped is named in ``failures`` and the others go on."""
        doors = {
            "backward": self._backward,
            "optimizer": self._optimizers,
            "loader": self._loaders,
            "evaluation": self._modes,
        }
        for name, tap in doors.items():
            try:
                tap()
            except Exception as error:
                self.failures[name] = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """Put everything back, unless somebody else has replaced it since."""
        while self._undo:
            self._undo.pop()()

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        old = getattr(owner, name)
        setattr(owner, name, new)

        def restore() -> None:
            if getattr(owner, name) is new:
                setattr(owner, name, old)

        self._undo.append(restore)

    def _backward(self) -> None:
        # Tensor.backward, too, comes by here.
        before, after = self.listener.before_backward, self.listener.after_backward
        original: Any = torch.autograd.backward
        busy = False

        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal busy
            if busy:
                return original(tensors, *args, **kwargs)
            busy = True
            try:
                before(tensors)
                return original(tensors, *args, **kwargs)
            finally:
                busy = False
                after()

        self._replace(torch.autograd, "backward", backward)

    def attend(self, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Open or shut the door before an optimizer's step: a hook that is not there costs nothing."""
        if wanted and self._before_step is None:
            self._before_step = register_optimizer_step_pre_hook(self.listener.before_step)
        elif not wanted and self._before_step is not None:
            self._before_step.remove()
            self._before_step = None

    def _optimizers(self) -> None:
        self.attend(True)
        after = register_optimizer_step_post_hook(self.listener.after_step)
        self._undo += [lambda: self.attend(False), after.remove]

    def _loaders(self) -> None:
        listener = self.listener
        original = DataLoader.__iter__

        @functools.wraps(original)
        def iterate(loader: Any) -> Any:
            stream = Stream(original(loader), loader, listener)
            listener.opened(loader)
            return stream

        self._replace(DataLoader, "__iter__", iterate)

    def _modes(self) -> None:
        listener = self.listener
        original = nn.Module.train
        busy = False

        @functools.wraps(original)
        def train(module: Any, mode: bool = True) -> Any:  # noqa: FBT001, FBT002 - torch's signature
            nonlocal busy
            if busy:
                return original(module, mode)
            busy = True
            try:
                return original(module, mode)
            finally:
                busy = False
                listener.mode(module, training=mode)

        self._replace(nn.Module, "train", train)
