"""Whether evaluated samples were trained on, by value; and data that was set apart and never read."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from torchladder.core.findings import Place
from torchladder.core.loop_facts import SourceFact, SpareFact
from torchladder.probes.blocks import tree_of
from torchladder.probes.guarded import guarded
from torchladder.probes.modules import RootCall
from torchladder.probes.tensors import MATRIX, tensors_in
from torchladder.runner.place import is_user_code, relative, user_caller

if TYPE_CHECKING:
    from torchladder.probes.session import Session

ROWS_MAX = 20_000  # samples of a training that are remembered
STEPS_MAX = 400
LOADERS_MAX = 12  # loaders that are remembered
WIDTH_MAX = 1 << 12  # numbers of a sample that are read
HELD_OUT = re.compile(r"(^|_)(test|val|valid|validation|dev|holdout|heldout|held_out)(_|$|\d)", re.IGNORECASE)
BITS = {torch.float32: torch.int32, torch.float64: torch.int64, torch.float16: torch.int16, torch.bfloat16: torch.int16}


class Sources:
    """Remembers training samples as numbers, and looks evaluated ones up."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.trained: set[int] = set()
        self.steps = 0
        self.shares: dict[int, tuple[int, int]] = {}  # turn of an evaluation call -> samples known, samples
        self.callers: dict[int, Place | None] = {}
        self.loaders: list[tuple[Any, Place | None]] = []  # kept alive: facts are read after main() has returned
        self.evaluations: Any = None

    def install(self) -> None:
        """Listen to models, and note loaders as they are made."""
        self.evaluations = self.session.probes["evaluations"]
        self.session.modules.on_enter.append(guarded(self.session, "sources", self._enter))
        self.session.on_optimizer.append(self._begin)
        original = DataLoader.__init__

        @functools.wraps(original)
        def init(loader: Any, *args: Any, **kwargs: Any) -> None:
            original(loader, *args, **kwargs)
            if len(self.loaders) < LOADERS_MAX:
                self.loaders.append((loader, self.session.loaders.created.get(id(loader))))

        DataLoader.__init__ = init  # type: ignore[assignment,method-assign]

    def _begin(self) -> None:
        """Another training: its samples are its own."""
        self.trained.clear()
        self.steps = 0

    def _enter(self, call: RootCall) -> None:
        if call.grad and call.training:
            if self.steps < STEPS_MAX and len(self.trained) < ROWS_MAX:
                self.steps += 1
                self.trained.update(numbers(call))
        elif self.trained and len(self.shares) < ROWS_MAX:
            rows = numbers(call)
            self.callers[self.evaluations.turn] = user_caller()
            self.shares[self.evaluations.turn] = (sum(r in self.trained for r in rows), len(rows))

    def facts(self) -> dict[str, Any]:
        """Return a row for each pass whose samples were looked up, and one for each spare."""
        rows = []
        for i, p in enumerate(self.evaluations.passes):
            found = [self.shares[c.mark] for c in p.calls if c.mark in self.shares]
            n = sum(total for _, total in found)
            share = sum(known for known, _ in found) / n if n else None
            rows.append(SourceFact(i, share, self.callers.get(p.calls[0].mark)))
        return {"sources": tuple(rows), "spares": (*self._unread(), *_unused_names())}

    def _unread(self) -> list[SpareFact]:
        """Return the loaders that nobody iterated, over data that no other loader served."""
        table = self.session.loaders.table.values()
        served = {id(s.loader.dataset) for s in table}
        spare = []
        for loader, place in self.loaders:
            if id(loader) not in self.session.loaders.table and id(loader.dataset) not in served:
                size = len(loader.dataset) if hasattr(loader.dataset, "__len__") else None
                spare.append(SpareFact("loader", place, None, size))
        return spare[:4]


def numbers(call: RootCall) -> list[int]:
    """Return one number a sample of a call's first input: equal samples have equal ones."""
    first = next((t for t in tensors_in((call.args, call.kwargs)) if t.dim() >= MATRIX), None)
    if first is None or first.numel() == 0 or first.is_complex() or first.layout != torch.strided:
        return []
    rows = first.detach().reshape(first.shape[0], -1)[:, :WIDTH_MAX]
    bits = BITS.get(rows.dtype)
    whole = rows.contiguous().view(bits).long() if bits is not None else rows.long()
    # Random weights: with regular ones, rows of small ids would often share a sum.
    weights = torch.randint(1 << 62, (whole.shape[1],), generator=torch.Generator().manual_seed(0)).to(whole.device)
    found: list[int] = (whole * weights).sum(1).tolist()  # whole numbers wrap around: exact in any order
    return found


def _unused_names() -> list[SpareFact]:
    """Return names of held-out data in the main file that are given a value and never read."""
    file = getattr(sys.modules.get("__main__"), "__file__", None) or (sys.argv[0] if sys.argv else "")
    if not file or not is_user_code(file):
        return []
    path = relative(file)
    tree = tree_of(path)
    if tree is None:
        return []
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    read |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}  # names of a class are read as attributes
    settings = {id(t) for t in _settings(tree)}
    written = {n.id: n.lineno for n in reversed(names) if isinstance(n.ctx, ast.Store) and id(n) not in settings}
    words = {w for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) for w in [n.value]}
    spare = [(line, n) for n, line in written.items() if n not in read and n not in words and HELD_OUT.search(n)]
    return [SpareFact("name", Place(path, line), n) for line, n in sorted(spare)[:4]]


def _settings(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is given a constant: ``val_step = 17`` is a setting, not data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            yield from node.targets if isinstance(node, ast.Assign) else [node.target]
