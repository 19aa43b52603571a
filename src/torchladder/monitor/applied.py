"""Calls of custom autograd functions, which torch shows to no mode: seen by wrappers that are put on for a few steps.

It is each class's ``forward`` that is wrapped: programs keep ``MyFunction.apply`` in variables of their own.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch.autograd import Function

Around = Callable[[type, tuple[Any, ...], Callable[[], Any]], Any]


class Applied:
    """Gives every call of a custom function to ``around(cls, args, call)`` while it is on."""

    def __init__(self, around: Around) -> None:
        self.around = around
        self._changed: list[tuple[Any, Any, Any]] = []

    def on(self) -> None:
        """Put the wrappers on."""
        for cls in _subclasses(Function):
            own = vars(cls).get("forward")
            if isinstance(own, staticmethod) and not cls.__module__.startswith("torch."):
                wrapper = staticmethod(self._wrapped(cls, own.__func__))
                self._changed.append((cls, own, wrapper))
                cls.forward = wrapper

    def off(self) -> None:
        """Take them off, but for those that somebody else has replaced since."""
        while self._changed:
            cls, own, wrapper = self._changed.pop()
            if vars(cls).get("forward") is wrapper:
                cls.forward = own

    def _wrapped(self, cls: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        around = self.around
        with_context = cls.setup_context is Function.setup_context

        def forward(*args: Any, **kwargs: Any) -> Any:
            return around(cls, args[1:] if with_context else args, lambda: original(*args, **kwargs))

        return forward


def _subclasses(base: Any) -> Iterator[Any]:
    cls: Any
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)
