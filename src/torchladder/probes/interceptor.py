"""One TorchFunctionMode for everybody: every torch function the program calls passes here.

Observers look after the call, experiments may change its arguments or its result. While nobody
listens a call costs one attribute test.
"""

from collections.abc import Callable
from typing import Any, Protocol

from torch._C import _are_functorch_transforms_active, _len_torch_function_stack
from torch.overrides import TorchFunctionMode, _get_current_function_mode

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
    """Something that wants to see, or change, the program's calls of torch.

    A listener may say what it wants, so that calls nobody wants cost a table lookup: ``names``, the names of the
    functions it wants to see at all, and ``sparse_names``, those it wants between the densely observed steps
    (an empty set: none).
    """

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
        self.dense = True
        self.silent = 0  # calls of our own are being made
        self.resting = False  # in a long run, between the steps that are looked at
        self._away: int | None = None  # how many modes there were when this one left
        self.failed: Callable[[str, Exception], None] = lambda _name, _error: None
        self._tables: dict[tuple[bool, tuple[int, ...]], dict[str, tuple[Listener, ...]]] = {}
        self._table: dict[str, tuple[Listener, ...]] = {}
        self._key: tuple[bool, int] = (True, -1)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Let those who want it see the call; torch has switched this mode off while we are in here."""
        # Within vmap, grad and the like tensors have no values to look at.
        if self.silent or not self.listeners or _are_functorch_transforms_active():
            return func(*args, **(kwargs or {}))
        if self._key != (self.dense, len(self.listeners)):
            self.refresh()
        name = _NAMES.get(func) or name_of(func)
        wanting = self._table.get(name)
        if wanting is None:
            wanting = self._table[name] = tuple(x for x in self.listeners if self._wants(x, name))
        if not wanting:
            return func(*args, **(kwargs or {}))
        call = Call(func, name, args, kwargs or {})
        for listener in wanting:
            self._guarded(listener, listener.before, call)
        if not call.answered:
            call.out = func(*call.args, **call.kwargs)
        for listener in wanting:
            self._guarded(listener, listener.after, call)
        return call.out

    @property
    def awake(self) -> bool:
        """Whether calls are seen at the moment."""
        return self._away is None

    def suspend(self) -> bool:
        """Leave the stack of modes for a while, where we are on top of it; tells whether we did."""
        if self._away is not None or _get_current_function_mode() is not self:  # type: ignore[no-untyped-call]
            return False
        self.__exit__(None, None, None)
        self._away = _len_torch_function_stack()
        return True

    def resume(self) -> None:
        """Come back after ``suspend``, unless the program has modes of its own in between now."""
        if self._away is not None and self._away == _len_torch_function_stack():
            self._away = None
            self.__enter__()  # type: ignore[no-untyped-call]

    def rest(self, *, resting: bool) -> None:
        """Stay off the stack of modes as long as no listener is added, or come back for good."""
        self.resting = resting
        if resting:
            self.suspend()
        else:
            self.resume()

    def listen(self, listener: Listener, *, wanted: bool) -> None:
        """Add or remove a listener while the program runs."""
        if wanted != (listener in self.listeners):
            (self.listeners.append if wanted else self.listeners.remove)(listener)
            self.refresh()
        if self.resting:
            if wanted:
                self.resume()
            else:
                self.suspend()

    def refresh(self) -> None:
        """Look up who wants what, after ``listeners`` or ``dense`` changed."""
        self._key = (self.dense, len(self.listeners))
        self._table = self._tables.setdefault((self.dense, tuple(map(id, self.listeners))), {})

    def _wants(self, listener: Listener, name: str) -> bool:
        names = getattr(listener, "names", None)
        sparse = None if self.dense else getattr(listener, "sparse_names", None)
        return (names is None or name in names) and (sparse is None or name in sparse)

    def _guarded(self, listener: Listener, tell: Callable[[Call], None], call: Call) -> None:
        """Tell a listener; one that fails must not stop the program."""
        try:
            tell(call)
        except Exception as error:
            self.failed(f"{type(listener).__name__.lower()} at {call.name}", error)
