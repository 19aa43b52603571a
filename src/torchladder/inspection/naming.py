"""What the user would call a few samples, and their labels: read again, since names are not kept."""

from collections.abc import Iterable

from torchladder.inspection.fold import Side
from torchladder.sets.source import Source


def names_of(side: Side, places: Iterable[int]) -> dict[int, tuple[str, str | None]]:
    """Return (name, label) by place; a sample that cannot be found again is called by its number."""
    wanted = sorted(set(places))
    found: dict[int, tuple[str, str | None]] = {}
    spans = [(p, p + 1) for p in wanted]
    if side.source.rows is None and wanted:  # such a source is read from its beginning each time
        spans = [(0, wanted[-1] + 1)]
    for start, stop in spans:
        found |= _read(side.source, start, stop, set(wanted))
    return {p: found.get(p, (f"sample {p}", None)) for p in wanted}


def _read(source: Source, start: int, stop: int, wanted: set[int]) -> dict[int, tuple[str, str | None]]:
    found: dict[int, tuple[str, str | None]] = {}
    try:
        for block in source.blocks(start, stop):
            for i, place in enumerate(block.places.tolist()):
                if place in wanted:
                    label = None if block.labels is None else _label(block.labels[i])
                    found[place] = (block.names[i], label)
            if block.stop > max(wanted):
                break
    except Exception:
        pass
    return found


def _label(value: object) -> str | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
