"""The step outside the models, recorded during the first steps: what was called between the batch and the loss.

Calls of models are single entries: a replay runs the program's own code for them. A tensor that enters from outside is
an ``Entering``: it is found again in the latest batch or in the variables of the functions that are running.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn

from torchladder.core.findings import Place
from torchladder.monitor.frames import PLAIN, Source, Surroundings
from torchladder.probes import graph

DEPTH = 5  # nesting of containers in which tensors are looked for
NODES_MAX = 20_000


class Out(NamedTuple):
    """A tensor that an entry gave: which entry, and which of its tensors."""

    entry: int
    position: int


class Ext(NamedTuple):
    """A value from outside, by its number."""

    number: int


class Made(NamedTuple):
    """What made a node of the graph."""

    function: str
    place: Place | None
    module: str | None


@dataclass
class Entry:
    """One call outside the models, or one call of a model."""

    call: Callable[..., Any]
    name: str
    args: Any
    kwargs: Any
    place: Place | None
    root: nn.Module | None
    grad: bool
    autocast: tuple[bool, torch.dtype, bool, torch.dtype]
    random: bool = False
    outs: list[tuple[torch.Tensor, int]] = field(default_factory=list)  # with their versions; while recording
    sources: dict[int, Source] = field(default_factory=dict)  # of outputs that are no part of the graph
    mutates: bool = False


@dataclass
class Entering:
    """A value from outside: the object itself while that is known to be the right one, and where it is found again."""

    value: Any
    source: Source | None = None
    numbers: list[Source] = field(default_factory=list)  # variables that held the same whole number


@dataclass
class Tape:
    """What led to one backward pass."""

    key: Any
    entries: list[Entry]
    entering: list[Entering]
    loss: Out | Ext
    signature: tuple[str, ...]
    made: dict[int, Made]
    draws: bool
    state: torch.Tensor | None  # of the random generator as the step began; while recording
    live: bool = True
    earlier: "Tape | None" = None

    @property
    def roots(self) -> list[nn.Module]:
        """The models that are called."""
        return [e.root for e in self.entries if e.root is not None]

    def settle(self, earlier: "Tape | None") -> None:
        """Let go of this step's own tensors; what is the same as in the step before stays."""
        self.live, self.state = False, None
        for entry in self.entries:
            entry.outs = []
        same = earlier is not None and [(e.call, e.place) for e in earlier.entries] == [
            (e.call, e.place) for e in self.entries
        ]
        for i, ext in enumerate(self.entering):
            before = earlier.entering[i].value if same and earlier is not None and i < len(earlier.entering) else None
            if isinstance(ext.value, torch.Tensor) and ext.value.is_leaf and ext.value.requires_grad:
                continue
            if type(ext.value) is int:
                known = earlier.entering[i].numbers if same and earlier is not None else []
                ext.numbers = [s for s in ext.numbers if s in known]
                continue
            constant = before is ext.value or (isinstance(before, float) and before == ext.value)
            if not constant and not isinstance(ext.value, float):
                ext.value = None
            elif constant:
                ext.source = None


class Scroll:
    """Entries in the making, with the producer of each tensor."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.entering: list[Entering] = []
        self.nodes: list[tuple[Any, Made]] = []
        self.state = torch.default_generator.get_state()
        self._producers: dict[int, Out] = {}
        self._numbers: dict[int, int] = {}
        self._versions: dict[int, int] = {}

    def symbol(self, value: Any, depth: int = DEPTH) -> Any:
        """Return ``value`` with what flows in replaced by where it comes from."""
        if isinstance(value, torch.Tensor):
            return self._producers.get(id(value)) or self._external(value)
        if depth > 0 and type(value) in {list, tuple}:
            return type(value)(self.symbol(v, depth - 1) for v in value)
        if depth > 0 and type(value) is dict:
            return {k: self.symbol(v, depth - 1) for k, v in value.items()}
        if type(value) is int:
            self.entering.append(Entering(value))
            return Ext(len(self.entering) - 1)
        if isinstance(value, PLAIN) or callable(value) or type(value) in {slice, type(Ellipsis), torch.Size, complex}:
            return value
        return self._external(value)

    def _external(self, value: Any) -> Ext:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.entering)
            self.entering.append(Entering(value))
            if isinstance(value, torch.Tensor):
                self._versions[number] = _version(value)
        return Ext(number)

    def add(self, entry: Entry, out: Any) -> None:
        """Append an entry and remember what it gave."""
        tensors = [entry.mutated] if isinstance(entry, Mutation) else list(tensors_of(out))
        entry.outs = [(t, _version(t)) for t in tensors]
        for i, t in enumerate(tensors):
            self._producers[id(t)] = Out(len(self.entries), i)
        self.entries.append(entry)

    def tape(self, key: Any, loss: torch.Tensor, around: Surroundings) -> Tape:
        """Return what led to ``loss``: the entries that it needs, and where everything else is found."""
        index = around.index()
        start = self.symbol(loss)
        needed = self._leading_to(start)
        places = {old: new for new, old in enumerate(needed)}
        numbers: dict[int, int] = {}

        def moved(symbol: Out | Ext) -> Out | Ext:
            if isinstance(symbol, Out):
                return Out(places[symbol.entry], symbol.position)
            return Ext(numbers.setdefault(symbol.number, len(numbers)))

        entries = []
        for old in needed:
            entry = copy.copy(self.entries[old])
            entry.args, entry.kwargs = mapped(entry.args, moved), mapped(entry.kwargs, moved)
            entry.sources = {
                i: index[id(t)]
                for i, (t, version) in enumerate(entry.outs)
                if id(t) in index and not t.requires_grad and _version(t) == version
            }
            entries.append(entry)
        end = moved(start)
        entering, whole = [], around.whole_numbers()
        for number in numbers:
            value = self.entering[number].value
            if type(value) is int:
                entering.append(Entering(value, None, whole.get(value, [])))
                continue
            unchanged = not isinstance(value, torch.Tensor) or _version(value) == self._versions[number]
            entering.append(Entering(value, index.get(id(value)) if unchanged else None))
        names, made = _graph(loss.grad_fn, dict(self.nodes))
        return Tape(key, entries, entering, end, names, made, any(e.random for e in entries), self.state)

    def _leading_to(self, start: Out | Ext) -> list[int]:
        """Return the numbers of the entries that lead to a symbol, and of those that draw random numbers, in order."""
        found: set[int] = set()
        stack = [start, *(Out(i, 0) for i, e in enumerate(self.entries) if e.random)]
        while stack:
            symbol = stack.pop()
            if isinstance(symbol, Out) and symbol.entry not in found:
                found.add(symbol.entry)
                entry = self.entries[symbol.entry]
                stack += symbols((entry.args, entry.kwargs))
        return sorted(found)


class Mutation(Entry):
    """An entry that writes into its first argument."""

    mutated: torch.Tensor


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a structure with its symbols replaced."""
    if isinstance(value, Out | Ext):
        return change(value)
    if type(value) in {list, tuple}:
        return type(value)(mapped(v, change) for v in value)
    if type(value) is dict:
        return {k: mapped(v, change) for k, v in value.items()}
    return value


def symbols(value: Any) -> list[Out | Ext]:
    """Return the symbols in a structure."""
    found: list[Out | Ext] = []
    mapped(value, found.append)
    return found


def tensors_of(value: Any, depth: int = DEPTH) -> list[torch.Tensor]:
    """Return the tensors inside nested containers and simple objects, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if depth <= 0:
        return []
    if isinstance(value, list | tuple):
        return [t for v in value for t in tensors_of(v, depth - 1)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_of(v, depth - 1)]
    own = getattr(value, "__dict__", None)
    if own is not None and not isinstance(value, nn.Module | type) and not callable(value):
        return tensors_of(dict(own), depth - 1)
    return []


def _version(t: torch.Tensor) -> int:
    return 0 if t.is_inference() else t._version  # noqa: SLF001 - torch's documented counter of writes


def graph_kinds(node: Any) -> tuple[str, ...]:
    """Return the kinds of a graph's nodes in a fixed order: two equal ones come from the same operations."""
    return _graph(node, {})[0]


def _graph(start: Any, known: dict[Any, Made]) -> tuple[tuple[str, ...], dict[int, Made]]:
    names: list[str] = []
    made: dict[int, Made] = {}
    for node in graph.walk(start) if start is not None else ():
        if node in known:
            made[len(names)] = known[node]
        names.append(graph.kind(node))
        if len(names) >= NODES_MAX:
            break
    return tuple(names), made
