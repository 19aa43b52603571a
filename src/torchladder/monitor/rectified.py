"""Which units of a model's rectifiers are ever alive, and which layer's weights feed them.

A function mode follows tensors from a linear or convolution layer, through normalisation and dropout, into a ReLU.
Whatever lies between otherwise (a sum, a reshape) ends the trail: such a unit has no one layer to blame.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

CONVOLUTIONS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
TRANSPOSED = {torch.conv_transpose1d: 1, torch.conv_transpose2d: 2, torch.conv_transpose3d: 3}
GROUPS = 6  # position of `groups` among the arguments of a transposed convolution
RECTIFIERS = {F.relu, F.relu6, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_}
FROM_ZERO = {F.hardtanh: "min_val", F.threshold: "threshold"}  # rectifiers when that argument is 0
NORMS = {F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm}
UNCHANGED = {torch.Tensor.contiguous, torch.Tensor.to, torch.Tensor.float}
PASSING = {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, torch.dropout} | UNCHANGED
OF_A_NORM = ("running_mean", "running_var", "weight", "bias")


@dataclass
class Source:
    """The layer that a tensor comes from: ``axis`` of its units in the tensor, ``rows`` the same in the weights."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    axis: int
    rows: int = 0
    norms: tuple[tuple[str, torch.Tensor], ...] = ()


@dataclass
class Rectified:
    """One layer and its units: on how many samples each was other than zero."""

    name: str
    source: Source
    alive: torch.Tensor
    samples: int = 0

    def dead(self, threshold: float) -> torch.Tensor:
        """Return which units were alive on no more than that share of the samples."""
        return self.alive <= threshold * self.samples


@dataclass
class Trail(TorchFunctionMode):
    """Follows tensors while a model runs; ``found`` by the layer's weight, in the order of the forward pass."""

    names: dict[int, str]
    found: dict[int, Rectified] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._sources: Any = WeakTensorKeyDictionary()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Let a call happen, and note what it means for the trail."""
        kwargs = kwargs or {}
        given = self._source(args, kwargs)
        out = func(*args, **kwargs)
        if not isinstance(out, torch.Tensor):
            return out
        made = _producer(func, args, kwargs, out)
        if made is not None:
            self._sources[out] = made
        elif given is not None and _rectifies(func, args, kwargs):
            self._sources.pop(out, None)
            self._count(given, out)
        elif given is not None and func in NORMS:
            self._sources[out] = Source(
                given.weight, given.bias, given.axis, given.rows, given.norms + _affine(func, args, kwargs)
            )
        elif given is not None and func in PASSING:
            self._sources[out] = given
        else:
            self._sources.pop(out, None)  # written to in place: `out += shortcut`
        return out

    def _source(self, args: Any, kwargs: Any) -> Source | None:
        first = args[0] if args else kwargs.get("input")
        return self._sources.get(first) if isinstance(first, torch.Tensor) else None

    def _count(self, source: Source, out: torch.Tensor) -> None:
        name = self.names.get(id(source.weight))
        if name is None:
            return
        axis = source.axis % out.dim()
        units = (out.detach() != 0).movedim(axis, -1)
        units = units.reshape(units.shape[0], -1, units.shape[-1]) if units.dim() > 1 else units.reshape(1, 1, -1)
        alive = units.any(1).sum(0)
        row = self.found.setdefault(id(source.weight), Rectified(name, source, torch.zeros_like(alive)))
        row.alive += alive
        row.samples += units.shape[0]


def look(model: nn.Module, batches: Iterable[Any], call: Callable[[nn.Module, Any], Any]) -> list[Rectified]:
    """Run a model on batches and return its rectified layers, from the input on."""
    names = ((n.replace("_orig_mod.", ""), p) for n, p in model.named_parameters())  # of a compiled model
    trail = Trail({id(p): n.rpartition(".")[0] or n for n, p in names})
    for batch in batches:
        with torch.no_grad(), trail:
            call(model, batch)
    return list(trail.found.values())


def _producer(func: Any, args: Any, kwargs: Any, out: torch.Tensor) -> Source | None:
    """Return the source that a call of a linear or convolution layer makes."""
    if func is F.linear:
        return _made(args, kwargs, axis=-1)
    dims = CONVOLUTIONS.get(func) or TRANSPOSED.get(func)
    if dims is None:
        return None
    axis = 1 if out.dim() == dims + 2 else 0
    if func in TRANSPOSED:
        groups = kwargs.get("groups", args[GROUPS] if len(args) > GROUPS else 1)
        return _made(args, kwargs, axis=axis, rows=1) if groups == 1 else None
    return _made(args, kwargs, axis=axis)


def _made(args: Any, kwargs: Any, *, axis: int, rows: int = 0) -> Source | None:
    weight = args[1] if len(args) > 1 else kwargs.get("weight")
    bias = args[2] if len(args) > 2 else kwargs.get("bias")  # noqa: PLR2004 - (input, weight, bias)
    return Source(weight, bias, axis, rows) if isinstance(weight, nn.Parameter) else None


def _rectifies(func: Any, args: Any, kwargs: Any) -> bool:
    if func in RECTIFIERS:
        return True
    name = FROM_ZERO.get(func)
    return name is not None and _bound(func, args, kwargs).get(name) == 0


def _affine(func: Any, args: Any, kwargs: Any) -> tuple[tuple[str, torch.Tensor], ...]:
    """Return the tensors of a normalisation that have one element a unit."""
    held = _bound(func, args, kwargs)
    return tuple((name, held[name]) for name in OF_A_NORM if isinstance(held.get(name), torch.Tensor))


def _bound(func: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    bound = inspect.signature(func).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments
