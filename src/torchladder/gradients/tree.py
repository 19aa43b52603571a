"""Nested inputs and outputs: tuples, lists and mappings with tensors or arrays at their ends."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

Change = Callable[[str, Any], Any]


def joined(path: str, key: Any) -> str:
    """Return the dotted name of a part."""
    return f"{path}.{key}" if path else str(key)


def mapped(value: Any, change: Change, path: str = "") -> Any:
    """Return the same nest with ``change(name, end)`` in place of each end."""
    if isinstance(value, Mapping):
        changed = {k: mapped(v, change, joined(path, k)) for k, v in value.items()}
        return changed if type(value) is dict else _like(value, changed)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named = zip(value._fields, value, strict=True)
        return type(value)(*(mapped(v, change, joined(path, k)) for k, v in named))
    if isinstance(value, list | tuple):
        return type(value)(mapped(v, change, joined(path, i)) for i, v in enumerate(value))
    return change(path, value)


def _like(value: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    try:
        return type(value)(changed)  # type: ignore[call-arg]
    except TypeError:
        return changed


def ends(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every end with its dotted name, in order."""
    if isinstance(value, Mapping):
        for k, v in value.items():
            yield from ends(v, joined(path, k))
    elif isinstance(value, list | tuple):
        names = getattr(value, "_fields", range(len(value)))
        for k, v in zip(names, value, strict=True):
            yield from ends(v, joined(path, k))
    elif is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield from ends(getattr(value, f.name), joined(path, f.name))
    else:
        yield path, value
