"""What is trained together: the wrapper around an optimizer's model, its parameters, and who holds copies of it."""

import gc
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchladder.monitor.models import Model
from torchladder.monitor.ranks.row import Flag

SHARDED = {"DTensor", "FlatParameter"}  # types of parameters that are a part of one


@dataclass(frozen=True)
class Replica:
    """One optimizer's model on this process; ``wrapper`` is None for a bare model."""

    wrapper: Any
    kind: str | None
    parameters: list[tuple[str, torch.Tensor]]
    flags: Flag
    group: int
    ranks: int

    @property
    def unsynced(self) -> bool:
        """Whether this step's gradients are left unaveraged on purpose."""
        if self.kind != "DistributedDataParallel":
            return False
        return not self.wrapper.require_backward_grad_sync or self._averages_weights()

    def _averages_weights(self) -> bool:
        """Whether a hook trains the replicas apart and averages their weights now and then."""
        hooks = getattr(self.wrapper, "_comm_hooks", ())
        return any("local_sgd" in getattr(hook, "__name__", "").lower() for hook, _ in hooks)

    def norms(self) -> list[tuple[str, nn.Module]]:
        """Return the batch norms whose statistics stay on this process."""
        if self.wrapper is None:
            return []
        local = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - no public base
        found = [(n, m) for n, m in self.wrapper.module.named_modules() if isinstance(m, local)]
        return [(n, m) for n, m in found if not isinstance(m, nn.SyncBatchNorm)]


def replica_of(optimizer: torch.optim.Optimizer, models: Sequence[Model], names: Mapping[int, str]) -> Replica:
    """Return what an optimizer trains; ``names`` are those of parameters by their id."""
    held = [p for group in optimizer.param_groups for p in group["params"]]
    inside = (m for model in models for m in (model.outer or model.module).modules())
    wrapper = next((m for m in inside if _kind(m) is not None), None)
    return _replica(wrapper, [(names.get(id(p), f"tensor {i}"), p) for i, p in enumerate(held)])


def living_replica() -> Replica:
    """Return a wrapped model found among the living objects: for a process that never came to its first step."""
    return _replica(next((o for o in gc.get_objects() if type(o) is DistributedDataParallel), None), [])


def _kind(module: Any) -> str | None:
    return next((c.__name__ for c in type(module).__mro__ if c.__name__ in _KINDS), None)


def _replica(wrapper: Any, named: list[tuple[str, torch.Tensor]]) -> Replica:
    kind = _kind(wrapper)
    flags = _KINDS.get(kind or "", Flag(0))
    if kind == "DistributedDataParallel":
        left_out = set(getattr(wrapper, "parameters_to_ignore", ()))
        named = [(n, p) for n, p in wrapper.module.named_parameters() if n not in left_out]
        flags |= Flag.FIND_UNUSED if wrapper.find_unused_parameters else Flag(0)
        flags |= Flag.STATIC_GRAPH if wrapper.static_graph else Flag(0)
    if kind == "FullyShardedDataParallel" or any(_is_part(p) for _, p in named):
        flags |= Flag.SHARDED
    ranks = list(range(dist.get_world_size()))
    if wrapper is not None and isinstance(getattr(wrapper, "process_group", None), dist.ProcessGroup):
        ranks = sorted(dist.get_process_group_ranks(wrapper.process_group))
    return Replica(wrapper, kind, named, flags, zlib.crc32(f"{kind}{ranks}".encode()), len(ranks))


_KINDS = {"DistributedDataParallel": Flag.DDP, "FullyShardedDataParallel": Flag.FSDP}


def _is_part(p: Any) -> bool:
    return type(p).__name__ in SHARDED or hasattr(p, "_local_tensor") or hasattr(p, "ds_id")
