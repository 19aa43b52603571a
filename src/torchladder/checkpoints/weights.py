"""Weights to deploy: safetensors, which any framework reads and no reader can be made to run code by."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from torchladder.checkpoints.atomic import Replacement
from torchladder.checkpoints.reading import Unreadable, read
from torchladder.core.errors import UsageError

ALIASES = "torchladder.aliases"  # in the file's metadata: names of tensors that are another one, tied weights say
ENDING = ".safetensors"


def write_weights(
    path: Path, state_dict: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a state dict as safetensors, in one piece; tied weights are written once and tied again on reading.

    Raises:
        UsageError: If safetensors is not installed, or the file cannot be written.
    """
    safetensors = _safetensors()
    first: dict[tuple[object, ...], str] = {}
    aliases, kept = {}, {}
    for name, tensor in state_dict.items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if tensor.numel() and first.setdefault(place, name) != name:
            aliases[name] = first[place]
        else:
            kept[name] = tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format)
    told = {**(metadata or {}), **({ALIASES: json.dumps(aliases)} if aliases else {})}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Replacement(path) as file:
            file.write(safetensors.torch.save(kept, metadata={"format": "pt", **told}))
    except OSError as error:
        msg = f"the weights were not saved: {path} cannot be written ({error.strerror or error})"
        raise UsageError(msg) from None


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, or of a state dict saved by torch, by name.

    Raises:
        UsageError: If the file is neither, or holds more than tensors and plain values.
    """
    if path.suffix != ENDING:
        found = read(path)
        tensors = isinstance(found, Mapping) and all(isinstance(v, torch.Tensor) for v in found.values())
        if not tensors:
            msg = f"{path} holds no state dict: a mapping of names to tensors was expected"
            raise Unreadable(msg)
        return dict(found)
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            made = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            aliases = json.loads((file.metadata() or {}).get(ALIASES, "{}"))
    except FileNotFoundError:
        msg = f"{path} does not exist"
        raise Unreadable(msg) from None
    except (OSError, safetensors.SafetensorError) as error:
        msg = f"{path} is no whole safetensors file ({error})"
        raise Unreadable(msg) from None
    return made | {name: made[home] for name, home in aliases.items()}


def _safetensors() -> Any:
    try:
        importlib.import_module("safetensors.torch")
        return importlib.import_module("safetensors")
    except ImportError:
        msg = "weights to deploy need safetensors: pip install 'torchladder[train]'"
        raise UsageError(msg) from None
