"""States of models: where they are taken, saved, read and given back, and whose memory they hold."""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.findings import Place
from torchladder.core.loop_facts import RestoreFact
from torchladder.probes.guarded import guarded
from torchladder.probes.tensors import tensors_in
from torchladder.runner.place import called_by_us, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

LINES_MAX = 40
DEPTH = 5
STATISTICS = ("running_mean", "running_var")


@dataclass
class Origin:
    """Where a tensor of a state comes from."""

    ref: weakref.ref[torch.Tensor]
    step: int
    place: Place | None
    owner: weakref.ref[torch.Tensor] | None = None  # the parameter it was taken from
    file: str | None = None
    held_optimizer: bool = False


@dataclass
class Line:
    """One line that loads or saves."""

    fact: dict[str, Any]
    turn: int = 0
    step: int = 0
    saved_turn: int | None = None
    saved_step: int | None = None


@dataclass
class Saved:
    """One file as it was last written."""

    step: int
    turn: int
    place: Place | None


@dataclass
class Book:
    """What happened to checkpoints."""

    origins: dict[int, Origin] = field(default_factory=dict)
    takings: dict[Place, int] = field(default_factory=dict)
    lines: dict[tuple[str, Place], Line] = field(default_factory=dict)
    files: dict[str, Saved] = field(default_factory=dict)


class Checkpoints:
    """Wraps ``state_dict``, ``load_state_dict``, ``torch.save`` and ``torch.load``."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.book = Book()
        self.depth = 0
        self.optimizer_loaded = False
        self.copies: Any = None  # an experiment that hands out copies of states
        self.evaluations: Any = None

    def install(self) -> None:
        """Put the wrappers in place."""
        self.evaluations = self.session.probes["evaluations"]
        self._wrap(nn.Module, "state_dict", self._take)
        self._wrap(nn.Module, "load_state_dict", None, before=self._load)
        self._wrap(torch.optim.Optimizer, "load_state_dict", self._optimizer)
        self._wrap(torch, "save", None, before=self._save)
        self._wrap(torch, "load", self._read)

    def _wrap(self, owner: Any, name: str, after: Callable[..., Any] | None, before: Any = None) -> None:
        """Tell ``before`` and ``after`` of the program's own calls; ``after`` may return another result."""
        original = getattr(owner, name)
        told = guarded(self.session, "checkpoints", before) if before is not None else None

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.depth or called_by_us():
                return original(*args, **kwargs)
            self.depth += 1
            try:
                if told is not None:
                    with self.session.quiet():
                        told(args, kwargs)
                out = original(*args, **kwargs)
                if after is not None:
                    with self.session.quiet(), torch.no_grad():
                        out = self._guarded(after, out, args, kwargs)
            finally:
                self.depth -= 1
            return out

        setattr(owner, name, call)

    def _guarded(self, after: Callable[..., Any], out: Any, args: Any, kwargs: Any) -> Any:
        try:
            return after(out, args, kwargs)
        except Exception as error:
            self.session.failed("checkpoints", error)
            return out

    # --- where tensors come from --------------------------------------------------------------

    def _take(self, out: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002 - one signature for all
        place = user_place()
        if place is None:
            return out
        if self.copies is not None and self.copies(place):
            for name, value in list(out.items()):
                if isinstance(value, torch.Tensor):
                    out[name] = value.detach().clone()
        self.book.takings[place] = self.book.takings.get(place, 0) + 1
        owners = dict(args[0].named_parameters()) if args else {}
        for name, t in out.items():
            if isinstance(t, torch.Tensor):
                owner = weakref.ref(owners[name]) if name in owners else None
                self.book.origins[id(t)] = Origin(weakref.ref(t), self.session.steps, place, owner)
        if len(self.book.origins) > 1 << 16:
            self.book.origins = {k: o for k, o in self.book.origins.items() if o.ref() is not None}
        return out

    def _read(self, out: Any, args: Any, kwargs: Any) -> Any:
        name = _path(args[0] if args else kwargs.get("f"))
        optimizer = any("param_groups" in d for d in _dicts(out))
        tensors = [t for d in _dicts(out) for t in d.values() if isinstance(t, torch.Tensor)]
        tensors += list(tensors_in(out))
        for t in tensors:
            self.book.origins[id(t)] = Origin(
                weakref.ref(t), self.session.steps, user_place(), None, name or "a file", optimizer
            )
        return out

    def origin(self, t: torch.Tensor) -> Origin | None:
        """Return where this very tensor was taken."""
        found = self.book.origins.get(id(t))
        return found if found is not None and found.ref() is t else None

    # --- what is done with them ---------------------------------------------------------------

    def _line(self, action: str, place: Place) -> Line | None:
        key = (action, place)
        if key not in self.book.lines and len(self.book.lines) >= LINES_MAX:
            return None
        line = self.book.lines.setdefault(key, Line({"times": 0, "aliased": 0, "stale": 0}))
        line.turn, line.step = self.evaluations.turn, self.session.steps
        line.fact["times"] += 1
        return line

    def _aliases(self, line: Line, pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Note which tensors of a state are the live ones, and since when."""
        live = [t for t, p in pairs if p.numel() and t.device == p.device and t.data_ptr() == p.data_ptr()]
        origins = [o for t, _ in pairs if (o := self.origin(t)) is not None]
        if origins:
            line.fact |= {"taken": origins[0].place, "taken_step": origins[0].step}
            line.fact["takings"] = self.book.takings.get(origins[0].place, 0) if origins[0].place else 0
            line.fact["from_file"] = origins[0].file is not None
            line.fact["held_optimizer"] = origins[0].held_optimizer
            saved = self.book.files.get(origins[0].file or "")
            line.saved_turn, line.saved_step = (saved.turn, saved.step) if saved else (None, None)
            line.fact["saved"] = saved.place if saved else None
        if live and 2 * len(live) >= len(pairs):
            line.fact["aliased"] += 1
            line.fact["stale"] += bool(origins) and origins[0].step < self.session.steps

    def _load(self, args: Any, kwargs: Any) -> None:
        model = args[0]
        state = args[1] if len(args) > 1 else kwargs.get("state_dict")
        place = user_place()
        line = self._line("load", place) if place is not None and isinstance(state, dict) else None
        if line is None or not isinstance(state, dict):
            return
        parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        pairs = [(state[n], p) for n, p in parameters.items() if isinstance(state.get(n), torch.Tensor)]
        self._aliases(line, pairs)
        unexpected = [k for k in state if k not in parameters and k not in buffers]
        absent = [n for n in parameters if n not in state]
        line.fact |= {
            "strict": bool(args[2] if len(args) > 2 else kwargs.get("strict", True)),  # noqa: PLR2004 - torch's signature
            "matched": len(pairs),
            "parameters": len(parameters),
            "unexpected": len(unexpected),
            "fitting": sum(any(_suffix(k, n) for k in unexpected) for n in absent),
            "missing_statistics": tuple(
                n
                for n in buffers
                if n.rpartition(".")[2] in STATISTICS and n not in state and f"{n.rpartition('.')[0]}.weight" in state
            ),
        }

    def _save(self, args: Any, kwargs: Any) -> None:
        what = args[0] if args else kwargs.get("obj")
        name = _path(args[1] if len(args) > 1 else kwargs.get("f"))
        if name is not None:
            self.book.files[name] = Saved(self.session.steps, self.evaluations.turn, user_place())
        place = user_place()
        line = self._line("save", place) if place is not None else None
        if line is None:
            return
        line.fact["whole"] = isinstance(what, nn.Module) or any(
            isinstance(v, nn.Module) for d in _dicts(what) for v in d.values()
        )
        pairs = []
        for d in _dicts(what):
            for t in d.values():
                origin = self.origin(t) if isinstance(t, torch.Tensor) else None
                owner = origin.owner() if origin is not None and origin.owner is not None else None
                if owner is not None:
                    pairs.append((t, owner))
        if pairs:
            self._aliases(line, pairs)

    def _optimizer(self, out: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002 - one signature for all
        self.optimizer_loaded = True
        return out

    # --- facts --------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return one row a line."""
        return {"restores": tuple(self._fact(*key, line) for key, line in self.book.lines.items())}

    def _fact(self, action: str, place: Place, line: Line) -> RestoreFact:
        passes = self.evaluations.passes
        later = [(i, p) for i, p in enumerate(passes) if p.calls[0].mark > line.turn]
        before = after = None
        if line.saved_turn is not None:
            held = [
                i for i, p in enumerate(passes) if p.calls[-1].mark <= line.saved_turn and p.step == line.saved_step
            ]
            before = held[-1] if held else None
            after = next((i for i, p in later if p.step == line.step), None)
        last = self.session.phases[-1].optimizer if self.session.phases else None
        steps_after = self.session.steps - line.step
        return RestoreFact(
            action,
            place,
            **line.fact,
            step=line.step,
            optimizer_loaded=self.optimizer_loaded,
            optimizer_type=type(last).__name__ if last is not None and steps_after else None,
            steps_after=steps_after,
            evaluated_after=sum(len(p.calls) for _, p in later if p.step == line.step),
            before=before,
            after=after,
        )


def _dicts(value: Any, depth: int = DEPTH) -> Iterator[Any]:
    """Yield the dictionaries inside something that is saved."""
    if depth <= 0:
        return
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner, depth - 1)
    elif isinstance(value, (list, tuple)):
        for inner in value[:100]:
            yield from _dicts(inner, depth - 1)


def _path(file: Any) -> str | None:
    """Return a file's name; None for one that is only open."""
    return str(file) if isinstance(file, str) or hasattr(file, "__fspath__") else None


def _suffix(key: str, name: str) -> bool:
    """Tell whether two keys are the same but for a prefix."""
    return key.endswith(f".{name}") or name.endswith(f".{key}")
