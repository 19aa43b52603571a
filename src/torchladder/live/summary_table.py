"""What a model consists of as a table, for a terminal of any width and for a notebook."""

import shutil
from dataclasses import dataclass

from torchladder.report.text import clean

MIN_WIDTH = 60
HEAD = ("layer", "output", "parameters", "trainable")
NAME_SHARE = 0.5  # of the width, that names may take at most
UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A module of a model.

    Attributes:
        name: As ``named_modules`` has it, "" for the model.
        outputs: The different shapes it gave, in order; empty if it was not called.
        parameters: In it and beneath it.
        shared: Whether its parameters are those of a module further up.
        inner: Whether it is a part of a module of torch's, which may use its weights without calling it.
    """

    name: str
    kind: str
    depth: int
    outputs: tuple[str, ...]
    calls: int
    parameters: int
    trainable: int
    shared: bool = False
    inner: bool = False


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model in figures; print it.

    Attributes:
        size: Bytes of parameters and buffers.
        output: Shape of what the model gave, None if it was not run.
        lazy: Parameters that have no shape before the model first runs.
    """

    name: str
    rows: tuple[LayerRow, ...]
    parameters: int
    trainable: int
    buffers: int
    size: int
    output: str | None = None
    lazy: int = 0

    @property
    def trainable_share(self) -> float:
        """Share of the parameters that are trained; 0 where there are none."""
        return self.trainable / self.parameters if self.parameters else 0.0

    def __str__(self) -> str:
        return "\n".join(self.lines(max(shutil.get_terminal_size().columns, MIN_WIDTH)))

    def lines(self, width: int) -> list[str]:
        """Return the table and its totals, no line longer than ``width``."""
        cells = [HEAD, *(_cells(row) for row in self.rows)]
        if self.output is None:
            cells = [(name, "", *rest) for name, _, *rest in cells]
        counts = [max(len(row[i]) for row in cells) for i in (2, 3)]
        room = width - sum(counts) - 2 * len(counts)
        shapes = max(len(row[1]) for row in cells)
        names = min(max(len(row[0]) for row in cells), max(room - shapes - 2, int(NAME_SHARE * room)))
        shapes = min(shapes, room - names - 2) if self.output is not None else 0
        out = []
        for name, shape, *figures in cells:
            line = f"{_cut(name, names):<{names}}"
            line += f"  {_cut(shape, shapes):<{shapes}}" if shapes else ""
            line += "".join(f"  {figure:>{count}}" for figure, count in zip(figures, counts, strict=True))
            out.append(line.rstrip())
        return [*out, "", *self._totals()]

    def _totals(self) -> list[str]:
        share = f", {100 * self.trainable_share:.3g} % of them trainable" if self.parameters else ""
        lines = [f"{self.parameters:,} parameters{share}; {_bytes(self.size)} with buffers"]
        if self.lazy:
            lines.append(f"{self.lazy:,} lazy parameters have no size before the model first runs")
        if self.output is not None:
            lines.append(f"output {clean(self.output)}")
            idle = [r for r in self.rows if not (r.calls or r.shared or r.inner) and r.parameters]
            unused = [r.name for r in idle if _is_leaf(r, self.rows)]
            if unused:
                more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""  # noqa: PLR2004 - a line holds three
                lines.append(f"not called by the forward pass: {clean(', '.join(unused[:3]))}{more}")
        return lines


def _is_leaf(row: LayerRow, rows: tuple[LayerRow, ...]) -> bool:
    return not any(other.name.startswith(f"{row.name}.") for other in rows)


def _cells(row: LayerRow) -> tuple[str, ...]:
    label = f"{'  ' * row.depth}{row.name.rpartition('.')[2] + ' ' if row.name else ''}{row.kind}"
    times = f" x{row.calls}" if row.calls > 1 else ""
    more = " ..." if len(row.outputs) > 1 else ""
    shape = f"{row.outputs[0]}{more}{times}" if row.outputs else "-"
    figures = (f"{row.parameters:,}", f"{row.trainable:,}") if row.parameters else ("-", "-")
    return clean(label), clean(shape), *(("shared", "-") if row.shared else figures)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def _bytes(size: int) -> str:
    return next((f"{size / unit:.3g} {name}" for name, unit in UNITS if size >= unit), f"{size} bytes")
