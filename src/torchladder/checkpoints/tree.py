"""The values a checkpoint may hold: what ``torch.load(weights_only=True)`` reads back."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from torchladder.core.errors import UsageError

PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)


def plain_tree(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``state`` with fresh containers and NumPy's scalars as Python's; tensors are the same objects.

    Raises:
        UsageError: If something in it could not be read back, with its path.
    """
    made: dict[str, Any] = _plain(dict(state), "state")
    return made


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, torch.nn.Parameter):
        return value.detach()
    if type(value) is torch.Tensor or type(value) in PLAIN:
        return value
    if isinstance(value, Mapping):
        made = OrderedDict if isinstance(value, OrderedDict) else dict
        return made((_key(key, path), _plain(item, f"{path}[{key!r}]")) for key, item in value.items())
    if isinstance(value, np.generic):
        return _plain(value.item(), path)
    if type(value) in {list, tuple, set}:
        return type(value)(_plain(item, f"{path}[{i}]") for i, item in enumerate(value))
    hint = "; torch.from_numpy makes a tensor of it" if isinstance(value, np.ndarray) else ""
    msg = f"{path} is a {type(value).__name__}, and a checkpoint holds tensors and plain values only{hint}"
    raise UsageError(msg)


def _key(key: Any, path: str) -> Any:
    if isinstance(key, (str, int, float, bool, type(None))):
        return key
    if isinstance(key, tuple) and all(isinstance(part, (str, int)) for part in key):
        return key
    msg = f"a key of {path} is a {type(key).__name__}, and a checkpoint has strings and numbers as keys"
    raise UsageError(msg)
