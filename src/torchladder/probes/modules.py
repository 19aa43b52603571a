"""Which module is the model, where it was made, and in which mode it runs.

A *root* is a module with parameters that is called from outside any other such module: found, not
asked for. Frozen teachers and evaluation passes run without grad and are told apart by that.
"""

import functools
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from torchladder.core.findings import Place
from torchladder.probes.guarded import unfailing
from torchladder.probes.marks import Marks
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import user_place, user_places

if TYPE_CHECKING:
    from torchladder.probes.session import Session

ATTENDED_EVERY = 40  # training steps of a resting run between two whose model call is seen
CALLS_MAX = 64  # calls of roots kept within a step: an evaluation that records gradients makes many
MODE_LAYERS = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - no public base


@dataclass
class Root:
    """A model as seen so far."""

    module: nn.Module
    place: Place | None
    index: int
    flags: list[tuple[int, bool]] = field(default_factory=list)
    eval_calls: int = 0
    eval_in_training_mode: int = 0
    eval_place: Place | None = None
    first_layer: str | None = None
    mode_lines: tuple[Place, ...] = ()  # where eval() had been called by its last training call in evaluation mode


@dataclass
class RootCall:
    """One call of a root in a training step, alive until the step ends."""

    root: Root
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    training: bool
    layers_training: tuple[str, ...]
    place: Place | None = None
    output: Any = None
    grad: bool = True


def first_output(value: Any) -> torch.Tensor | None:
    """Return the first floating tensor in a module's output (``logits`` before ``loss`` in dicts)."""
    if isinstance(value, dict) and isinstance(value.get("logits"), torch.Tensor):
        logits: torch.Tensor = value["logits"]
        return logits
    found = (t for t in tensors_in(value) if t.is_floating_point())
    return next((t for t in found if t.dim() > 0), None)


class Bystander:
    """What a hook of ours becomes in a pickled model: nothing."""

    def _take_kwargs(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Do nothing."""

    def _enter(self, module: nn.Module, args: Any) -> None:
        """Do nothing."""

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        """Do nothing."""


class Modules:
    """Creation lines, the stack of running modules, and the roots."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._created: dict[int, tuple[weakref.ref[nn.Module], Place]] = {}
        self.stack: list[nn.Module] = []
        self.roots: dict[int, Root] = {}
        self.loaded = Marks()
        self._has_weights: dict[int, bool] = {}
        self._names: dict[int, str] = {}
        self._current: RootCall | None = None
        self._last: nn.Module | None = None
        self.on_root: list[Any] = []
        self.on_enter: list[Any] = []  # told of every call of a root, with gradients or without
        self.on_leave: list[Any] = []
        self.on_routine: list[Any] = []  # told of the calls that are passed over in a resting run
        self.asking = False  # a call of our own
        self.attend = 0  # the next calls of roots that a probe wants to see though the run rests
        self.layer_hooks: list[tuple[Any, Any]] = []  # of other probes: before and after every module's call
        self._handles: list[Any] = []
        self._resting = False
        self._routine: nn.Module | None = None  # whose call is passed over, as long as it runs
        self._routine_pass, self._routine_rows = -1, -1
        self._apart: nn.Module | None = None  # one without weights that is called by itself, such as a loss
        self.mode_set: dict[int, tuple[Place, ...]] = {}  # where eval() was last called on a module, innermost first

    def __deepcopy__(self, memo: dict[int, Any]) -> "Modules":
        """Stay one: a program that copies its model copies the hooks on it, and must not copy the observer."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Be left behind when a program pickles its model with the hooks on it."""
        return (Bystander, ())

    def install(self) -> None:
        """Start to look: creation lines by wrapping Module.__init__, calls by torch's global hooks."""
        original = nn.Module.__init__

        @functools.wraps(original)
        def init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            original(module, *args, **kwargs)
            place = user_place()
            if place is not None:
                self._created[id(module)] = (weakref.ref(module), place)

        nn.Module.__init__ = init  # type: ignore[assignment,method-assign]
        load = nn.Module.load_state_dict

        @functools.wraps(load)
        def load_state_dict(module: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
            out = load(module, state, *args, **kwargs)
            self._note_loaded(module, state)
            return out

        nn.Module.load_state_dict = load_state_dict  # type: ignore[assignment,method-assign]
        switch = nn.Module.eval

        @functools.wraps(switch)
        def evaluate(module: nn.Module) -> nn.Module:
            places = user_places()
            if places:
                self.mode_set[id(module)] = places
            return switch(module)

        nn.Module.eval = evaluate  # type: ignore[assignment,method-assign]

    @unfailing("modules")
    def _note_loaded(self, module: nn.Module, state: Any) -> None:
        for name, p in module.named_parameters():
            if name in state:
                self.loaded.add(p)

    def rest(self, *, resting: bool) -> None:
        """Hook every module, or between the steps that are looked at only the roots known by then."""
        for handle in self._handles:
            handle.remove()
        self._resting, self._routine_pass = resting, -1
        if not resting:
            self._handles = [
                register_module_forward_pre_hook(self._enter),
                register_module_forward_hook(self._leave, always_call=True),
            ]
            for enter, leave in self.layer_hooks:
                self._handles += [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
            return
        self._handles = []
        for root in self.roots.values():
            self._handles.append(root.module.register_forward_pre_hook(self._enter))
            self._handles.append(root.module.register_forward_hook(self._leave, always_call=True))

    def created(self, module: nn.Module | None) -> Place | None:
        """Return the line that constructed a module. By identity: modules may define their own hash."""
        ref, place = self._created.get(id(module), (None, None))
        return place if ref is not None and ref() is module else None

    def created_of_torch(self, module: nn.Module | None) -> Place | None:
        """Return the same for torch's own classes: a user's class is where its forward is."""
        return self.created(module) if module is not None and type(module).__module__.startswith("torch.") else None

    def _carries(self, module: nn.Module) -> bool:
        """Tell whether a module has parameters (losses and activations do not)."""
        key = id(module)
        if key not in self._has_weights:
            with self.session.quiet():
                self._has_weights[key] = next(module.parameters(), None) is not None
        return self._has_weights[key]

    @unfailing("modules")
    def _enter(self, module: nn.Module, args: Any) -> Any:
        if self.asking or self._routine is not None:
            return None
        if self._resting and not self.stack and self._is_routine(module, args):
            self._routine = module
            for listen in self.on_routine:
                listen()
            return None
        outermost = not self.stack
        if outermost and not (self._carries(module) or _hides_weights(module)):
            self._apart = module
            return None
        self.stack.append(module)
        if outermost:
            with self.session.quiet():
                return self._call_root(module, args)
        if self._current is not None and self._current.root.first_layer is None and not list(module.children()):
            self._current.root.first_layer = type(module).__name__
        return None

    def _is_routine(self, module: nn.Module, args: Any) -> bool:
        """Tell whether a root's call in a resting run is one more training step like those before it.

        A call is looked at when it may be evaluation: without gradients, in evaluation mode, with another number of
        rows, from a loader that is not trained on, or after a call that nobody differentiated.
        """
        passes, before = self.session.backward.count, self._routine_pass
        rows = args[0].shape[0] if args and isinstance(args[0], torch.Tensor) and args[0].dim() else -1
        same = rows == self._routine_rows
        self._routine_pass, self._routine_rows = passes, rows
        if self.attend:
            self.attend -= 1
            return False
        loader = self.session.loaders.current
        return (
            module.training
            and same
            and passes != before
            and self.session.steps % ATTENDED_EVERY != 0
            and (loader is None or bool(loader.trained))
            and torch.is_grad_enabled()
        )

    def _call_root(self, module: nn.Module, args: Any) -> Any:
        """Note a call of a root; returns other arguments where an experiment wants them."""
        self._last = module
        root = self.roots.get(id(module))
        if root is None:
            root = self.roots[id(module)] = Root(module, user_place(), len(self.roots))
            self._names.clear()
            module.register_forward_pre_hook(self._take_kwargs, with_kwargs=True)  # seen from its next call on
        if not torch.is_grad_enabled():
            root.eval_calls += 1
            root.eval_in_training_mode += module.training
            place = user_place()
            root.eval_place = root.eval_place or place
            self._current = RootCall(root, args, {}, module.training, (), place, grad=False)
            self._tell(self.on_enter)
            return None
        given = args
        for change in self.on_root:
            args = change(root, args)
        layers: tuple[str, ...] = ()
        if self.session.dense:
            layers = tuple(n for n, m in module.named_modules() if isinstance(m, MODE_LAYERS) and m.training)
        place = user_place() if self.session.dense else None
        if not module.training:
            root.mode_lines = self.mode_set.get(id(module), ())
        self._current = RootCall(root, args, {}, module.training, layers, place)
        self.session.pending.root_calls.append(self._current)
        del self.session.pending.root_calls[:-CALLS_MAX]
        self._tell(self.on_enter)
        return args if args is not given else None

    @unfailing("modules")
    def _take_kwargs(self, module: nn.Module, args: Any, kwargs: Any) -> None:  # noqa: ARG002 - torch's signature
        """Keep what a root is called with by keyword: torch's global hooks are not told."""
        if self._current is not None and self._current.root.module is module:
            self._current.kwargs = kwargs

    def evaluating(self) -> bool:
        """Tell whether the model called last is in evaluation mode."""
        return self._last is not None and not self._last.training

    def in_training_forward(self) -> bool:
        """Tell whether a forward pass that began with grad is running."""
        return self._current is not None and self._current.grad and bool(self.stack)

    def _tell(self, listeners: list[Any]) -> None:
        """Tell of the call in flight; a listener that fails must not stop the program."""
        for listen in listeners:
            try:
                listen(self._current)
            except Exception as error:
                self.session.failed("evaluations", error)

    @unfailing("modules")
    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:  # noqa: ARG002 - torch's signature
        if self._routine is not None:
            if module is self._routine:
                self._routine = None
            return
        self._apart = None
        if self.asking or module not in self.stack:
            return
        while self.stack.pop() is not module:
            pass
        if not self.stack and self._current is not None and self._current.root.module is module:
            self._current.output = out
            with self.session.quiet():
                self._tell(self.on_leave)
            self._current = None

    def name_of(self, module: nn.Module) -> str | None:
        """Return the path of a module inside its root, "" for the root itself."""
        if id(module) not in self._names:
            for root in self.roots.values():
                self._names.update((id(m), n) for n, m in root.module.named_modules())
        return self._names.get(id(module))

    def running(self) -> nn.Module | None:
        """Return the innermost module whose forward is running."""
        return self.stack[-1] if self.stack else None

    def made_of_running(self) -> Place | None:
        """Return the line that made the object of torch's own that is being called: a layer or a loss."""
        return self.created_of_torch(self._apart or self.running())

    def forget_names(self) -> None:
        """Drop cached names: the program may have replaced a layer."""
        self._names.clear()
        self._has_weights.clear()


def _hides_weights(module: nn.Module) -> bool:
    """Tell whether a module keeps layers or weights in plain attributes, where torch cannot see them."""
    return any(
        isinstance(v, (nn.Module, torch.Tensor)) and getattr(v, "requires_grad", True)
        for value in vars(module).values()
        if isinstance(value, (list, tuple, dict, torch.Tensor))
        for v in (
            value.values() if isinstance(value, dict) else value if not isinstance(value, torch.Tensor) else [value]
        )
    )


def owner_of(root: nn.Module, wanted: torch.Tensor) -> tuple[str, nn.Module | None] | None:
    """Return where an unregistered tensor hangs below ``root``, as ("self.blocks[0].weight", its module)."""
    for path, module in root.named_modules():
        prefix = f"{path}." if path else ""
        for key, value in vars(module).items():
            if key in {"_parameters", "_buffers", "_modules"}:
                continue
            found = _search(value, wanted, 3)
            if found is not None:
                return f"{prefix}{key}{found[0]}", found[1] or module
    return None


def _search(value: Any, wanted: torch.Tensor, depth: int) -> tuple[str, nn.Module | None] | None:
    if value is wanted:
        return "", None
    if isinstance(value, nn.Module):
        for name, p in value.named_parameters():
            if p is wanted:
                holder = value.get_submodule(name.rpartition(".")[0])
                return f".{name}", holder
        return None
    if depth > 0 and isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, v in items:
            found = _search(v, wanted, depth - 1)
            if found is not None:
                return f"[{key!r}]{found[0]}", found[1]
    return None
