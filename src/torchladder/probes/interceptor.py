"""One TorchFunctionMode for everybody: every torch function the program calls passes here.

Observers look after the call, experiments may change its arguments or its result. While nobody
listens a call costs one attribute test.
"""

from collections.abc import Callable
from typing import Any, Protocol

from torch.overrides import TorchFunctionMode

from torchladder.core.findings import Place
from torchladder.runner.place import user_place


class Call:
    """One call of a torch function, passed to every listener in turn.

    ``out`` is set by the interceptor, or beforehand by an experiment that answers in its place
    (``answered``).
    """

    __slots__ = ("_place", "answered", "args", "func", "kwargs", "name", "out")

    def __init__(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func, self.name, self.args, self.kwargs = func, name, args, kwargs
        self.out: Any = None
        self.answered = False
        self._place: Place | bool | None = False

    @property
    def place(self) -> Place | None:
        """The user's line that made this call."""
        if self._place is False:
            self._place = user_place()
        return self._place  # type: ignore[return-value]

    def argument(self, position: int, keyword: str, default: Any = None) -> Any:
        """Return an argument given by position or by keyword."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(keyword, default)

    def replace(self, position: int, keyword: str, value: Any) -> None:
        """Give an argument another value, however it was passed."""
        if len(self.args) > position:
            self.args = (*self.args[:position], value, *self.args[position + 1 :])
        else:
            self.kwargs = {**self.kwargs, keyword: value}


class Listener(Protocol):
    """Something that wants to see, or change, the program's calls of torch."""

    def before(self, call: Call) -> None:
        """Look at a call, or change it, before it happens."""

    def after(self, call: Call) -> None:
        """Look at a call, or change its result, after it happened."""


_NAMES: dict[Any, str] = {}


def name_of(func: Any) -> str:
    """Return "softmax", "data.__get__" … for a function as torch passes it to modes."""
    known = _NAMES.get(func)
    if known is None:
        known = getattr(func, "__name__", str(func))
        if known in {"__get__", "__set__"}:
            known = f"{func.__self__.__name__}.{known}"
        _NAMES[func] = known
    return known


class Interceptor(TorchFunctionMode):
    """The mode itself; ``listeners`` may change while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[Listener] = []
        self.failed: Callable[[str, Exception], None] = lambda _name, _error: None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Let every listener see the call; torch has switched this mode off while we are in here."""
        if not self.listeners:
            return func(*args, **(kwargs or {}))
        call = Call(func, name_of(func), args, kwargs or {})
        for listener in self.listeners:
            self._guarded(listener, listener.before, call)
        if not call.answered:
            call.out = func(*call.args, **call.kwargs)
        for listener in self.listeners:
            self._guarded(listener, listener.after, call)
        return call.out

    def _guarded(self, listener: Listener, tell: Callable[[Call], None], call: Call) -> None:
        """Tell a listener; one that fails must not stop the program."""
        try:
            tell(call)
        except Exception as error:
            self.failed(f"{type(listener).__name__.lower()} at {call.name}", error)
