"""The settings of a DataLoader, and copies of it with other ones.

A copy shares data set, sampler and everything else with the original, keeps its class and what that does, and has
workers of its own.
"""

import copy
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, default_convert

from torchladder.feeding.passes import tensors

WHOLE = "batched"  # a setting that is none of DataLoader's: the data set is indexed by whole batches
PREFETCH = 2  # what torch takes where nothing is said
OWN = "_made_to_be_timed"  # marks the copies
TORCH_COLLATE = ("default_collate", "default_convert")


def own(loader: DataLoader[Any]) -> dict[str, Any]:
    """Return the present settings."""
    return {
        "num_workers": int(loader.num_workers),
        "persistent_workers": bool(loader.persistent_workers),
        "prefetch_factor": loader.prefetch_factor,
        "pin_memory": bool(loader.pin_memory),
    }


def with_settings(loader: DataLoader[Any], options: dict[str, Any]) -> DataLoader[Any]:
    """Return a copy with other settings; what they leave open is as it was, as far as they go together."""
    made = copy.copy(loader)
    held = vars(made)
    held["_iterator"] = None
    held[OWN] = True
    options = dict(options)
    whole = options.pop(WHOLE, False)
    held.update(options)
    if not made.num_workers:
        held.update(persistent_workers=False, prefetch_factor=None, timeout=0)
        held["_DataLoader__multiprocessing_context"] = None
    elif made.prefetch_factor is None:
        held["prefetch_factor"] = PREFETCH
    if whole:
        held.update(sampler=loader.batch_sampler, batch_sampler=None, batch_size=None, drop_last=False)
        held["collate_fn"] = default_convert
    return made


def can_be_batched(loader: DataLoader[Any]) -> bool:
    """Tell whether the data set, indexed by a whole batch, gives what is now put together sample by sample."""
    plain = type(loader) is DataLoader and loader.batch_sampler is not None
    if not plain or isinstance(loader.dataset, IterableDataset):
        return False
    if getattr(loader.collate_fn, "__name__", "") not in TORCH_COLLATE:
        return False
    try:
        n = min(len(loader.dataset), 3)  # type: ignore[arg-type]
        places = list(range(n))
        one_by_one = list(tensors(loader.collate_fn([loader.dataset[i] for i in places])))
        at_once = list(tensors(default_convert(loader.dataset[places])))  # type: ignore[no-untyped-call]
    except Exception:
        return False
    same = len(one_by_one) == len(at_once) and n > 1
    pairs = zip(one_by_one, at_once, strict=False)
    return same and bool(one_by_one) and all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def length(loader: DataLoader[Any]) -> int | None:
    """Return the batches of a pass, None of a stream or where it does not say."""
    try:
        if isinstance(loader.dataset, IterableDataset) and not hasattr(loader.dataset, "__len__"):
            return None
        return len(loader)
    except (TypeError, NotImplementedError, ValueError):
        return None


def samples(loader: DataLoader[Any]) -> int | None:
    """Return the samples of its data set, None where it does not say."""
    try:
        return len(loader.dataset)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None
