"""Samples and labels as they entered the model, by stage and source, with what they were drawn from.

A program without loaders draws its batches from tensors: the tensor a batch was sliced from is found by
the memory the batch lies in, so that the whole data can be read in its own order at the end.
"""

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from torchladder.core.findings import Place
from torchladder.probes.interceptor import Call
from torchladder.probes.operations import SLICES
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.evaluations import Open
    from torchladder.probes.session import Session

Array = NDArray[np.generic]

ROWS = 2000  # samples kept of one source
BYTES = 48 << 20  # and bytes
SOURCES = 12  # sources followed in one run
ALONE = 4  # tensors at one line taken for sets of samples; more are batches
STAGES = 3  # stages followed
ORIGINS = 512  # slices whose origin is remembered
CHAIN = 6  # slices of slices
HUGE = 1 << 30  # bytes of a tensor that is not kept alive for its rows


@dataclass(eq=False)
class Source:
    """What entered the model from one loader, or from one tensor at one place."""

    stage: int
    trained: bool
    seen: Any  # the loader's row in the table of loaders, None without one
    place: Place | None
    root: int
    phase: int
    xs: list[Array] = field(default_factory=list)
    ys: list[Array] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    classes: bool | None = None
    x_index: int | None = None
    y_index: int | None = None
    x_chain: tuple[torch.Tensor, ...] = ()
    y_chain: tuple[torch.Tensor, ...] = ()
    target_is_sample: bool = False
    addresses: set[tuple[int, int]] = field(default_factory=set)
    module: Any = None  # the model, where its input is all it is given

    def take(self, x: torch.Tensor, y: torch.Tensor | None) -> None:
        """Keep copies of a batch while there is room."""
        room = min(ROWS - self.rows, (BYTES - self.size) * len(x) // max(x.numel() * x.element_size(), 1))
        if room <= 0 or (self.ys and y is None):
            return
        if not self.ys and y is not None:
            self.xs, self.sizes, self.rows, self.size = [], [], 0, 0  # what came without labels is of less use
        kept = x[:room].detach().cpu()
        kept = kept.float() if kept.is_floating_point() else kept
        self.xs.append(kept.numpy().copy())
        if y is not None:
            labels = y[:room].detach().cpu()
            self.ys.append((labels.float() if labels.is_floating_point() else labels).numpy().copy())
        self.sizes.append(len(kept))
        self.rows += len(kept)
        self.size += self.xs[-1].nbytes

    def x(self) -> Array | None:
        """Return all inputs kept that have the shape of the first ones."""
        alike = [a for a in self.xs if a.shape[1:] == self.xs[0].shape[1:] and a.dtype == self.xs[0].dtype]
        return np.concatenate(alike) if alike and len(alike) == len(self.xs) else None

    def y(self) -> Array | None:
        """Return all labels kept."""
        return np.concatenate(self.ys) if self.ys else None


class Capture:
    """Listens to finished calls of models, and to slicing."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.sources: dict[Any, Source] = {}
        self.stage = 0
        self._origins: dict[tuple[int, int], tuple[weakref.ref[torch.Tensor], weakref.ref[torch.Tensor]]] = {}

    def install(self, settled: list[Any]) -> None:
        """Begin to listen; ``settled`` is told of every call with its output and target."""
        settled.append(self.settled)
        self.session.interceptor.listeners.append(self)
        self.session.on_optimizer.append(self._optimizer)

    def _optimizer(self) -> None:
        self.stage += any(s.trained and s.stage == self.stage for s in self.sources.values())

    # --- origins ------------------------------------------------------------------------------

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Remember what a slice was taken from, and what was made of slices row by row."""
        out = call.out
        if not isinstance(out, torch.Tensor) or self.session.loaders.table or self.session.modules.stack:
            return
        if out.dim() == 0 or out.requires_grad or not (call.name in SLICES or self._origins):
            return
        given = next(tensors_in(call.args, 2), None)
        if given is None or given.dim() == 0 or given.data_ptr() == 0:
            return
        if call.name in SLICES:
            whole = out.dim() == given.dim() and out.shape[1:] == given.shape[1:]
            if whole and (given.shape[0] >= out.shape[0]):
                self._remember(out, given)
        elif out.shape[0] == given.shape[0] and out.data_ptr() != given.data_ptr():
            origin = self.origin(given)
            if origin is not None and origin.shape[0] >= out.shape[0]:
                self._remember(out, origin)

    def _remember(self, out: torch.Tensor, source: torch.Tensor) -> None:
        self._origins[out.data_ptr(), out.shape[0]] = (weakref.ref(out), weakref.ref(source))
        if len(self._origins) > ORIGINS:
            del self._origins[next(iter(self._origins))]

    def origin(self, t: torch.Tensor) -> torch.Tensor | None:
        """Return the tensor whose rows a batch holds, None when it is not known."""
        out, source = self._origins.get((t.data_ptr(), t.shape[0] if t.dim() else 0), (None, None))
        if out is not None and source is not None and out() is not None:
            return source()
        base = t._base  # noqa: SLF001 - torch's own name for what a view looks at
        same = base is not None and base.dim() == t.dim() and base.shape[1:] == t.shape[1:]
        return base if same and base is not None and base.shape[0] > t.shape[0] else None

    def chain(self, t: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what a batch was drawn from, and what that was drawn from in its turn."""
        found: list[torch.Tensor] = []
        current: torch.Tensor | None = t
        while current is not None and len(found) < CHAIN:
            current = self.origin(current)
            if current is None or any(current.data_ptr() == f.data_ptr() and current.shape == f.shape for f in found):
                break
            found.append(current)
        return tuple(f for f in found if f.numel() * f.element_size() <= HUGE)

    # --- calls --------------------------------------------------------------------------------

    def settled(self, opened: "Open", pair: tuple[torch.Tensor, torch.Tensor] | None) -> None:
        """Keep the input of a call and the target its output met."""
        if self.stage >= STAGES or opened.call is None or opened.rows == 0:
            return
        x = self._input(opened)
        if x is None:
            return
        seen = opened.loader
        trained = opened.grad and opened.training
        if opened.grad and not opened.training and seen is None:
            return  # neither plainly training nor plainly evaluation
        if pair is None and (trained or seen is None):
            return
        source = self._source(opened, x, seen, trained=trained)
        if source is None:
            return
        output, target = pair if pair is not None else (None, None)
        labels = self._labels(output, target, opened.rows, source)
        if target is not None:
            source.target_is_sample |= target.shape == x.shape and target.numel() > target.shape[0]
        if source.module is None and len(list(tensors_in((opened.call.args, opened.call.kwargs)))) == 1:
            source.module = opened.root
        source.addresses.add((x.data_ptr(), x.shape[0]))
        if not source.x_chain and seen is None and target is not None:
            source.x_chain = (x, *self.chain(x))
            source.y_chain = (target, *self.chain(target))
        if seen is not None and source.x_index is None:
            self._match(source, opened.batch, x, target)
        source.take(x, labels)

    @staticmethod
    def _input(opened: "Open") -> torch.Tensor | None:
        assert opened.call is not None
        given = tensors_in((opened.call.args, opened.call.kwargs))
        return next((t for t in given if t.dim() > 0 and t.shape[0] == opened.rows and not t.is_complex()), None)

    def _source(self, opened: "Open", x: torch.Tensor, seen: Any, *, trained: bool) -> Source | None:
        origin = None if seen is not None else self.origin(x)
        # Each batch of a loop is drawn from the same tensor, or is a tensor of its own at the same line.
        drawn: Any = id(seen) if seen is not None else (x if origin is None else origin).data_ptr()
        alone = [s for s in self.sources.values() if s.seen is None and s.place == opened.place]
        if origin is None and seen is None and len(alone) >= ALONE:
            drawn = None
        key = (self.stage, trained if seen is None else None, drawn, opened.place if seen is None else None)
        if key not in self.sources:
            if len(self.sources) >= SOURCES * (self.stage + 1):
                return None
            phase = self.session.phases[-1].id if self.session.phases else 0
            self.sources[key] = Source(self.stage, trained, seen, opened.place, id(opened.root), phase)
        self.sources[key].trained |= trained
        return self.sources[key]

    @staticmethod
    def _labels(
        output: torch.Tensor | None, target: torch.Tensor | None, rows: int, source: Source
    ) -> torch.Tensor | None:
        """Return one label a sample, and note whether they are classes."""
        if target is None or output is None or target.numel() != rows:
            return None
        flat = target.detach().reshape(-1)
        whole = not flat.is_floating_point() or bool(((flat == 0) | (flat == 1)).all())
        source.classes = whole if source.classes is None else source.classes and whole
        return flat

    @staticmethod
    def _match(source: Source, batch: list[torch.Tensor], x: torch.Tensor, target: torch.Tensor | None) -> None:
        """Find which elements of the loader's batch the model and the loss were given."""
        same = [i for i, t in enumerate(batch) if t is x or (t.shape == x.shape and t.dtype == x.dtype)]
        alike = [i for i, t in enumerate(batch) if t.numel() == x.numel() and t.dim() > 1]
        source.x_index = next(iter(same or alike), None)
        if target is None:
            return
        flat = target.reshape(-1)
        for i, t in enumerate(batch):
            fits = i != source.x_index and t.numel() == flat.numel() and t.device == flat.device
            if fits and bool((t.reshape(-1).to(flat.dtype) == flat).all()):
                source.y_index = i
                return
