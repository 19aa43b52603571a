"""One real batch as the model received it: copies of the first samples and of their targets.

Kept at the first backward pass, after every transform and on whatever device it was, and written
beside the run's record as arrays without pickled objects; whoever draws it needs no torch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from torchladder.probes.decoding import decoded, decoder_of
from torchladder.probes.normalisation import normalisation_of
from torchladder.probes.tensors import tensors_in

if TYPE_CHECKING:
    from torchladder.probes.session import Session

ROWS = 16  # samples kept: a grid of 4 x 4 can be taken in at a glance
SIDE = 160  # points along each further axis; a panel of the grid has fewer pixels
BYTES_MAX = 8 << 20  # of one array; a batch that stays larger after thinning is not kept
NAMES_MAX = 1000  # class names; more is a vocabulary
CHANNELS = (1, 2, 3, 4)  # lengths at which an axis is channels, which are not thinned
TABLE_DIMS, IMAGE_DIMS = 2, 4


class BatchCopy:
    """Keeps the first training batch of a run."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.arrays: dict[str, Any] = {}
        self.has_target = False

    def install(self) -> None:
        """Look at backward passes until one has shown a batch."""
        self.session.backward.before.append(self._before)
        self.session.backward.after.append(self._after)

    def _before(self, _loss: Any) -> None:
        if not self.arrays:
            self._safely(self._take)

    def _after(self, _passed: Any) -> None:
        custom = self.session.backward.custom
        target = custom.target if custom is not None else None
        if self.arrays and not self.has_target and target is not None:
            self._safely(lambda: self._keep_target(target))
        self.has_target = bool(self.arrays)  # what later steps compare with belongs to other samples

    def _safely(self, take: Callable[[], None]) -> None:
        try:
            take()
        except Exception as error:
            self.session.failures["picture"] = f"{type(error).__name__}: {error}"

    @torch.no_grad()
    def _take(self) -> None:
        given = self._given()
        if given is None:
            return
        kept = thinned(given)
        if kept is None:
            return
        self.arrays["x"] = kept
        self.arrays["shape"] = np.array(tuple(given.shape), dtype=np.int64)
        self.arrays["dtype"] = np.array(str(given.dtype).removeprefix("torch."))
        self.arrays |= extent(given)
        names = self._class_names()
        if names:
            self.arrays["names"] = np.array(names)
        current = self.session.loaders.current
        self.arrays |= told_by(current.loader if current is not None else None, kept)
        targets = [c.target for c in self.session.operations.loss_calls if c.target is not None]
        if targets:
            self._keep_target(targets[0])
            self.has_target = True

    @torch.no_grad()
    def _keep_target(self, target: torch.Tensor) -> None:
        shape = tuple(int(n) for n in self.arrays["shape"])
        if target.dim() == 1 and len(shape) > 1 and target.numel() == shape[0] * shape[1] != shape[0]:
            target = target.reshape(shape[:2])  # a language model's targets, flattened for the loss
        kept = thinned(target)
        if kept is not None and target.shape[0] == shape[0]:
            self.arrays["y"] = kept

    def _given(self) -> torch.Tensor | None:
        """Return what entered the model: pictures before anything else, else the first tensor."""
        calls = self.session.pending.root_calls
        found = [t for call in calls for t in tensors_in((call.args, call.kwargs))]
        current = self.session.loaders.current
        if not found and current is not None:  # called by keyword, or no module at all
            found = current.last
        usable = [
            t for t in found if t.dim() > 1 and t.shape[0] > 0 and not t.is_complex() and t.layout == torch.strided
        ]
        pictures = [t for t in usable if t.dim() == IMAGE_DIMS]
        return next(iter(pictures or usable), None)

    def _class_names(self) -> list[str]:
        """Return the names a data set such as ImageFolder gives its classes."""
        current = self.session.loaders.current
        data = getattr(current.loader, "dataset", None) if current is not None else None
        for _ in range(3):  # subsets of subsets
            names = getattr(data, "classes", None)
            if isinstance(names, (list, tuple)) and len(names) <= NAMES_MAX and all(isinstance(n, str) for n in names):
                return [n[:40] for n in names]
            data = getattr(data, "dataset", None)
        return []

    def save(self, folder: str | None, name: str) -> str | None:
        """Write the arrays as ``folder/name`` and return that path; None when no batch was seen."""
        if not self.arrays and self.session.pending.root_calls:  # the first step failed before backward
            self._safely(self._take)
        if not self.arrays or folder is None:
            return None
        path = Path(folder, name)
        with path.open("wb") as file:
            np.savez_compressed(file, **self.arrays)
        return str(path)


def told_by(loader: Any, kept: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return what a loader and its data set tell about a batch: the normalisation of pictures, the words of ids."""
    out: dict[str, Any] = {}
    data = getattr(loader, "dataset", None)
    if kept.ndim == IMAGE_DIMS:
        normal = normalisation_of(data)
        out |= dict(zip(("mean", "std"), normal, strict=True)) if normal is not None else {}
    if kept.ndim == TABLE_DIMS and kept.dtype.kind in "iu" and kept.shape[1] > 1:
        decoder = decoder_of(getattr(loader, "collate_fn", None), data)
        texts = decoded(decoder, kept, ROWS) if decoder is not None else []
        out |= {"texts": np.array(texts)} if any(texts) else {}
    return out


def thinned(t: torch.Tensor) -> np.ndarray[Any, Any] | None:
    """Return the first rows of ``t`` on the CPU, long axes thinned to every n-th point."""
    t = t.detach()[:ROWS]
    for axis, n in enumerate(t.shape):
        if axis and n > SIDE and n not in CHANNELS and t.dim() > TABLE_DIMS:
            t = t.index_select(axis, torch.arange(0, n, -(-n // SIDE), device=t.device))
    if t.numel() * t.element_size() > BYTES_MAX:
        return None
    t = t.cpu()
    kept: np.ndarray[Any, Any] = (t.float() if t.dtype == torch.bfloat16 else t.clone()).numpy()
    return kept


def extent(t: torch.Tensor) -> dict[str, Any]:
    """Return the lowest and highest finite value of the whole batch, for each index of axes 1 and last."""
    out: dict[str, Any] = {}
    if not t.dtype.is_floating_point and t.dtype != torch.uint8:
        return out
    x = t.detach().float()
    finite = torch.isfinite(x)
    if not bool(finite.any()):
        return out
    x = torch.where(finite, x, x[finite][0])
    for key, axis in (("first", 1), ("last", t.dim() - 1)):
        if t.dim() > TABLE_DIMS and t.shape[axis] in CHANNELS:
            others = tuple(a for a in range(t.dim()) if a != axis)
            out[f"{key}_low"], out[f"{key}_high"] = x.amin(others).cpu().numpy(), x.amax(others).cpu().numpy()
    out["low"], out["high"] = np.array(float(x.min())), np.array(float(x.max()))
    return out
