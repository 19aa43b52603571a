"""Frozen dataclasses to JSON and back, driven by their type hints.

Non-finite floats become the strings "nan", "inf" and "-inf": strict JSON has no word for them.
"""

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(value: Any) -> Any:
    """Return ``value`` as JSON types only; raises TypeError for anything unknown."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    msg = f"{type(value).__name__} has no JSON form"
    raise TypeError(msg)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def from_json(kind: Any, value: Any) -> Any:
    """Return the object of type ``kind`` that ``to_json`` turned into ``value``.

    Unknown keys are ignored, so that a newer record can be read by an older reader.
    """
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or value is None:
        return value
    if origin in {types.UnionType, typing.Union}:
        inner = [a for a in args if a is not type(None)]
        return from_json(inner[0], value) if len(inner) == 1 else value
    if origin is tuple:
        return tuple(from_json(args[0], v) for v in value)
    if origin is dict:
        return {k: from_json(args[1], v) for k, v in value.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{k: from_json(hints[k], v) for k, v in value.items() if k in hints})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if kind is float and isinstance(value, str):
        return _SPECIAL[value]
    return float(value) if kind is float and isinstance(value, int) else value
