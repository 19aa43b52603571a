"""Views and reshapes that look like a permute: the sizes change places, the values stay where they lie.

Three-dimensional and larger tensors of data, hidden ones inside a model, and weights that are
written to a parameter. Whether data was torn apart is measured: neighbours along an axis are alike
in pictures and in series, and no longer are when rows of one axis have been cut at the width of another.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from torchladder.core.findings import Place
from torchladder.core.model_facts import ReshapeFact
from torchladder.probes.interceptor import Call
from torchladder.probes.split_axes import as_moved
from torchladder.probes.tensors import MATRIX, tensors_in
from torchladder.runner.place import called_by_user

if TYPE_CHECKING:
    from torchladder.probes.session import Session

CALLS = {"view", "reshape"}
WRITES = {"copy_", "data.__set__", "__setitem__"}
HANDS = 4096  # tensors whose writing before the first step is remembered
PICTURES = 4  # dimensions
CHANNELS = range(2, 5)  # of pictures that may have been read in another order
SITES = 32  # reshapes followed
LOOKS = 8  # measurements of one reshape
LOOK_MAX = 1 << 20  # numbers a measurement looks at
AXIS_MIN = 4  # neighbours to speak of smoothness
ROOM = 1 << 25  # numbers of reshaped tensors that are kept, to see whether they are written to a parameter


@dataclass
class Site:
    """One reshape (line and sizes) so far."""

    kind: str
    function: str
    place: Place | None
    before: tuple[int, ...]
    after: tuple[int, ...]
    axes: tuple[int, ...]
    module: str | None = None
    times: int = 0
    rough: float = 0.0
    permuted: float = 0.0
    looks: int = 0
    parameter: str | None = None
    written: Place | None = None
    fine: tuple[int, ...] = ()


class Reshapes:
    """The probe: a listener, and a look at the model's input."""

    names = frozenset(CALLS) | WRITES

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.sites: dict[Any, Site] = {}
        self.turned: dict[int, tuple[torch.Tensor, Site]] = {}  # by memory, for writes to weights
        self.room = ROOM
        self.writes: list[tuple[int, Site, Place | None]] = []
        self.hands: dict[int, Place] = {}  # by memory: where it was written before the first step
        self.pictures: dict[tuple[int, ...], Place] = {}
        self.entries: dict[int, Site] = {}

    def install(self) -> None:
        """Start to look."""
        self.session.interceptor.listeners.append(self)
        self.session.backward.before.append(self._entry)

    def before(self, call: Call) -> None:
        """Nothing before."""

    def after(self, call: Call) -> None:
        """Note a reshape, and what becomes of reshaped weights."""
        if call.name in CALLS:
            self._reshape(call)
        elif call.name in WRITES and isinstance(call.args[0], torch.Tensor):
            value = call.args[-1]
            if self.session.steps == 0 and len(self.hands) < HANDS and call.place is not None:
                self.hands[(value if call.name == "data.__set__" else call.args[0]).data_ptr()] = call.place
            found = self.turned.get(value.data_ptr()) if isinstance(value, torch.Tensor) else None
            if found is not None:
                self.writes.append((call.args[0].data_ptr(), found[1], call.place))

    def written_at(self, t: torch.Tensor) -> Place | None:
        """Return the line that wrote a tensor before the first step."""
        return self.hands.get(t.data_ptr())

    def _reshape(self, call: Call) -> None:
        given, out = call.args[0], call.out
        if call.answered or not isinstance(out, torch.Tensor) or given.dim() < MATRIX:
            return
        after = tuple(out.shape)
        if len(after) >= PICTURES - 1 and after[-3] in CHANNELS and not out.requires_grad:
            self._picture(call, after)
        if not (given.is_floating_point() and out.numel()):
            return
        before = tuple(given.shape)
        if out.dim() != given.dim():
            self._split(call, before, after)
            return
        axes = as_permute(before, after)
        if axes is None or not given.is_contiguous():
            return
        kind = self._kind(given)
        if kind is None:
            return
        key = (call.place, kind, before[1:], after[1:])
        if key not in self.sites:
            if len(self.sites) >= SITES or call.place is None:
                return
            running = self.session.modules.running()
            name = self.session.modules.name_of(running) if running is not None else None
            self.sites[key] = Site(kind, call.name, call.place, before, after, axes, name)
        site = self.sites[key]
        site.times += 1
        if kind == "data" and site.looks < LOOKS:
            with self.session.quiet(), torch.no_grad():
                measure(site, given.detach(), out.detach())
        if kind == "data" and self.session.steps == 0 and self.room >= out.numel():
            self.room -= out.numel()
            self.turned[out.data_ptr()] = (out, site)

    def _split(self, call: Call, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """Note a view in the model's own code that splits or joins axes in another order than theirs."""
        moved = as_moved(before, after) if self._kind(call.args[0]) == "hidden" else None
        if moved is None or not called_by_user():
            return
        key = (call.place, "split", before[1:], after[1:])
        if key not in self.sites and len(self.sites) < SITES and call.place is not None:
            running = self.session.modules.running()
            name = self.session.modules.name_of(running) if running is not None else None
            site = Site("hidden", call.name, call.place, before, after, moved.axes, name, fine=moved.fine)
            self.sites[key] = site
        if key in self.sites:
            self.sites[key].times += 1

    def _kind(self, t: torch.Tensor) -> str | None:
        """Tell data from what a model computes in training; the rest is not looked at."""
        if t.requires_grad:
            return "hidden" if t.grad_fn is not None and self.session.modules.in_training_forward() else None
        evaluating = self.session.modules.stack and not torch.is_grad_enabled()
        return None if evaluating else "data"

    def _picture(self, call: Call, after: tuple[int, ...]) -> None:
        """Remember the line that gave pictures their shape."""
        if after[-3:] not in self.pictures and len(self.pictures) < SITES and call.place is not None:
            self.pictures[after[-3:]] = call.place

    def _entry(self, loss: torch.Tensor | None) -> None:
        """Read the model's input in the other order, where it could be pictures."""
        del loss
        if not self.session.dense:
            return
        try:
            for call in self.session.pending.root_calls[:1]:
                for t in itertools.islice(tensors_in((call.args, call.kwargs)), 1):
                    self._read(t, call.place)
        except Exception as error:
            self.session.failed("reshapes", error)

    def _read(self, t: torch.Tensor, place: Place | None) -> None:
        if t.dim() != PICTURES or not t.is_floating_point() or t.requires_grad or t.shape[1] not in CHANNELS:
            return
        n, c, h, w = t.shape
        if min(h, w) < 2 * AXIS_MIN or (self.entries and next(iter(self.entries.values())).looks >= LOOKS):
            return
        made = self.pictures.get((c, h, w))
        key = len(self.session.phases)
        site = self.entries.setdefault(
            key, Site("entry", "view", made or place, (n, h, w, c), (n, c, h, w), (0, 3, 1, 2))
        )
        t = t.detach()[: max(LOOK_MAX // (c * h * w), 1)]
        other = t.reshape(t.shape[0], h, w, c).permute(0, 3, 1, 2)
        worst, best = max(rough(t, 2), rough(t, 3)), max(rough(other, 2), rough(other, 3))
        if math.isfinite(worst) and math.isfinite(best):
            site.rough, site.permuted = site.rough + worst, site.permuted + best
            site.looks += 1
            site.times += 1

    def facts(self) -> dict[str, Any]:
        """Return a row a reshape; those that were written to a parameter say which."""
        self._find_parameters()
        sites = [*self.sites.values(), *(s for s in self.entries.values() if s.looks)]
        return {"reshapes": tuple(_fact(site) for site in sites)}

    def _find_parameters(self) -> None:
        """Match the memory of weights with what was reshaped, or with where it was written."""
        written = {pointer: (site, place) for pointer, site, place in self.writes}
        for root in self.session.modules.roots.values():
            for name, p in root.module.named_parameters():
                site, place = written.get(p.data_ptr(), (None, None))
                turned = self.turned.get(p.data_ptr())
                if site is None and turned is not None and isinstance(p, nn.Parameter):
                    site = turned[1]
                if site is not None and tuple(p.shape) == site.after:
                    site.kind, site.parameter, site.written = "weight", name, place


def as_permute(before: Sequence[int], after: Sequence[int]) -> tuple[int, ...] | None:
    """Return the permute that gives ``after`` its sizes, None when the sizes keep their order.

    Axes of size 1 do not count: moving them moves no value. Equal sizes keep their order.
    """
    if sorted(before) != sorted(after) or [n for n in before if n > 1] == [n for n in after if n > 1]:
        return None
    left = list(enumerate(before))
    axes = []
    for size in after:
        found = next(item for item in left if item[1] == size)
        left.remove(found)
        axes.append(found[0])
    return tuple(axes)


def rough(t: torch.Tensor, axis: int) -> float:
    """Return the squared step between neighbours over twice the variance along an axis; 1: noise, NaN: constant."""
    t = t.float()
    spread = float((t - t.mean(axis, keepdim=True)).pow(2).mean())
    return float(t.diff(dim=axis).pow(2).mean()) / (2 * spread) if spread > 0 else math.nan


def measure(site: Site, given: torch.Tensor, out: torch.Tensor) -> None:
    """Compare neighbours along the axis that is smoothest once permuted, there and as it was reshaped."""
    if given.numel() > LOOK_MAX and given.dim() > MATRIX and given.shape[0] == out.shape[0]:
        n = max(LOOK_MAX // (given.numel() // given.shape[0]), 1)
        given, out = given[:n], out[:n]
    permuted = given.permute(site.axes)
    axes = [a for a, n in enumerate(out.shape) if n >= AXIS_MIN and not (a == 0 and site.axes[0] == 0)]
    found = [(rough(permuted, a), rough(out, a)) for a in axes]
    known = [pair for pair in found if all(map(math.isfinite, pair))]
    if known:
        best = min(known)
        site.permuted, site.rough = site.permuted + best[0], site.rough + best[1]
        site.looks += 1


def _fact(site: Site) -> ReshapeFact:
    return ReshapeFact(
        kind=site.kind,
        function=site.function,
        place=site.place,
        before=site.before,
        after=site.after,
        axes=site.axes,
        rough=site.rough / site.looks if site.looks else None,
        rough_permuted=site.permuted / site.looks if site.looks else None,
        parameter=site.parameter,
        written=site.written,
        module=site.module,
        times=site.times,
        fine=site.fine,
    )
