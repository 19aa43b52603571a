"""The layers of a run as a table: one sample's figures, what is ordinary above them, what is not behind them."""

import io
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from torchladder.core.layers import EXPLODING, IMBALANCE, LARGE_OUTPUT, VANISHING, LayerCourse, first_over_last, sampled
from torchladder.report.text import clean

MIN_WIDTH, WIDE = 60, 110
NARROWEST = 80  # below it, fewer columns


@dataclass(frozen=True)
class Column:
    """One figure: its heading, what is ordinary, how it is read, from which width on it is shown."""

    head: str
    healthy: str
    read: Callable[[LayerCourse, int], str]
    width: int = 0


def short(value: float | None) -> str:
    """Return a number in at most seven characters."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("+inf", "Inf").replace("-inf", "-Inf")
    if value == 0:
        return "0"
    return f"{value:.2g}" if 1e-3 <= abs(value) < 1e3 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")  # noqa: PLR2004


def percent(value: float | None) -> str:
    """Return a share."""
    return "-" if value is None else f"{100 * value:.0f} %" if math.isfinite(value) else short(value)


COLUMNS = (
    Column("gradient", "1e-7..100", lambda row, s: short(row.gradient.at(s))),
    Column("largest", "", lambda row, s: short(row.largest.at(s)), WIDE),
    Column("weight", "", lambda row, s: short(row.weight.at(s)), WIDE),
    Column("update", "about 1e-3", lambda row, s: short(row.update.at(s))),
    Column("out mean", "about 0", lambda row, s: short(row.mean.at(s))),
    Column("out std", "about 1", lambda row, s: short(row.std.at(s))),
    Column("zeros", "< 100 %", lambda row, s: percent(row.zeros.at(s)), NARROWEST),
    Column("min", "", lambda row, s: short(row.least.at(s)), WIDE),
    Column("max", "", lambda row, s: short(row.most.at(s)), WIDE),
)


@dataclass(frozen=True)
class LayerTable:
    """Prints as text; rich shows it in colours."""

    layers: tuple[LayerCourse, ...]
    step: int | None = None

    def __str__(self) -> str:
        """Return it at the terminal's width, plain."""
        width = max(shutil.get_terminal_size((NARROWEST, 24)).columns, MIN_WIDTH)
        return self.text(width)

    def text(self, width: int) -> str:
        """Return it at a width, plain."""
        out = io.StringIO()
        Console(file=out, width=width, color_system=None, legacy_windows=False).print(self)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        steps = sampled(self.layers)
        if not steps:
            yield Text("no step was sampled")
            return
        step = self.step if self.step is not None else steps[-1]
        if step not in steps:
            step = min(steps, key=lambda s: abs(s - step))
        yield Text(f"step {step:,}, of {len(steps):,} sampled from {steps[0]:,} to {steps[-1]:,}")
        yield _table(self.layers, step, options.max_width)
        yield from _legend(self.layers, step)


def layer_table(layers: Sequence[LayerCourse], *, step: int | None = None) -> LayerTable:
    """Return the table of the sample nearest to ``step``, of the last one by default."""
    return LayerTable(tuple(layers), step)


def _table(layers: Sequence[LayerCourse], step: int, width: int) -> Table:
    columns = [c for c in COLUMNS if width >= c.width]
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold", pad_edge=False)
    table.add_column("layer", no_wrap=True, overflow="ellipsis", min_width=10)
    for column in columns:
        table.add_column(column.head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    table.add_row(Text("healthy", "dim"), *(Text(c.healthy, "dim") for c in columns), "")
    for row in layers:
        remarks = row.remarks(step)
        style = "yellow" if remarks else ""
        name = Text(clean(row.name))
        if row.kind and row.kind.lower() not in row.name.lower():
            name.append(f" {clean(row.kind)}", "dim")
        table.add_row(name, *(Text(c.read(row, step)) for c in columns), Text(", ".join(remarks), style))
    return table


def _legend(layers: Sequence[LayerCourse], step: int) -> RenderResult:
    ratio = first_over_last(layers, step)
    if ratio is not None:
        odd = not 1 / IMBALANCE <= ratio <= IMBALANCE
        words = f"gradient of the first layer over the last: {short(ratio)} (healthy: 1/{IMBALANCE:g}..{IMBALANCE:g})"
        yield Text(words, "yellow" if odd else "")
    yield Text(
        f"gradient: root mean square of its elements, vanishing below {VANISHING:.0e}, exploding above {EXPLODING:g}; "
        f"update: |update| / |weight|; out, zeros, min, max: of its outputs, large above a std of {LARGE_OUTPUT:g}",
        "dim",
    )
