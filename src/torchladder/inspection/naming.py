"""What the user would call a few samples, and their labels: read again, since names are not kept."""

from collections.abc import Iterable

from torchladder.inspection.fold import Side
from torchladder.sets.source import Source


def names_of(side: Side, places: Iterable[int]) -> dict[int, tuple[str, str | None]]:
    """Return (name, label) by place; a sample that cannot be found again is called by its number."""
    return {place: _name(side.source, place) for place in sorted(set(places))}


def _name(source: Source, place: int) -> tuple[str, str | None]:
    try:
        for block in source.blocks(place, place + 1):
            for i, at in enumerate(block.places.tolist()):
                if at == place:
                    return block.names[i], None if block.labels is None else _label(block.labels[i])
    except Exception:
        pass
    return f"sample {place}", None


def _label(value: object) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
