"""One run on a page: who ran, what its loss did, what was found, and its layers at the last sample."""

import math
import re
import shlex
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli.run_table import cut, share
from torchladder.report.text import clean, number

if TYPE_CHECKING:
    from torchladder.runs.series import Curve, Layer
    from torchladder.runs.summary import Summary

LABEL = 10
LAYERS_SHOWN = 40
CURVE_MAX = 60
BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
NOT_A_NUMBER = "x"
LOG_FROM = 100.0  # a curve whose largest value is this many times its smallest is drawn by its logarithm
COLUMNS = ("gradient", "weight", "update", "mean", "std", "zeros")
CELL = 8
SMALL, HUNDRED, LARGE = 1e-3, 100.0, 1e6  # between which a figure is written without a power of ten
NAME_MIN, NAME_MAX = 16, 48
_NUMBER_AT_END = re.compile(r"\d*$")


def page(run: "Summary", folder: Path, curves: Sequence["Curve"], alerts: Sequence[dict[str, Any]], width: int) -> str:
    """Return everything about a run but its layers."""
    lines = [f"{clean(run.id)}  {clean(run.name)}  {run.state}", ""]
    seconds = (run.ended or run.heartbeat) - run.started
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    facts = {
        "command": clean(shlex.join(run.command)),
        "in": clean(run.cwd),
        "started": f"{began} on {clean(run.host)} (process {run.pid})",
        "ran": f"{duration(seconds)}, {run.steps:,} steps",
        "cost": "not known before the end" if run.cost is None else f"{share(run.cost)} of the time",
        "record": clean(str(folder)),
    }
    if run.verdict:
        facts["verdict" if run.cost is not None else "so far"] = clean(run.verdict)
    for label, text in facts.items():
        lines += labelled(label, text, width)
    for curve in curves:
        lines += ["", *drawn(curve, width)]
    lines += ["", *told(alerts, width)]
    return "\n".join(lines) + "\n"


def labelled(label: str, text: str, width: int) -> list[str]:
    """Return ``text`` behind a label, wrapped beneath itself."""
    indent = " " * (LABEL + 2)
    room = max(width, len(indent) + 20)
    return textwrap.wrap(
        text, room, initial_indent=f"  {label:<{LABEL}}", subsequent_indent=indent, break_on_hyphens=False
    ) or [f"  {label}"]


def duration(seconds: float) -> str:
    """Return a time span as words: "42.0 s", "12 min 3 s", "5 h 20 min"."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def drawn(curve: "Curve", width: int) -> list[str]:
    """Return a curve as a line of blocks, with its first, last and best value beneath."""
    line, logarithmic = sparkline(curve.values, min(width - LABEL - 4, CURVE_MAX), _blocks())
    best = curve.best()
    words = [f"first {number(curve.values[0])}", f"last {number(curve.values[-1])}"]
    if best is not None:
        words.append(f"best {number(best[1])} at step {best[0]:,}")
    notes = ["by its logarithm"] if logarithmic else []
    notes += [] if curve.whole else [f"{len(curve.steps):,} steps spread over the run"]
    tail = f" ({', '.join(notes)})" if notes else ""
    return [f"  {clean(curve.name):<{LABEL}}{line}", *labelled("", ", ".join(words) + tail, width)]


def sparkline(values: Sequence[float], room: int, blocks: str) -> tuple[str, bool]:
    """Return ``values`` as up to ``room`` blocks, and whether their logarithm was drawn."""
    count = min(len(values), max(room, 1))
    means: list[float] = []
    for i in range(count):
        part = values[i * len(values) // count : (i + 1) * len(values) // count]
        means.append(sum(part) / len(part))
    finite = [v for v in means if math.isfinite(v)]
    if not finite:
        return NOT_A_NUMBER * count, False
    logarithmic = min(finite) > 0 and max(finite) >= LOG_FROM * min(finite)
    heights = [math.log(v) if logarithmic and math.isfinite(v) else v for v in means]
    low, high = min(h for h in heights if math.isfinite(h)), max(h for h in heights if math.isfinite(h))
    top, span = len(blocks) - 1, high - low

    def block(height: float) -> str:
        if not math.isfinite(height):
            return NOT_A_NUMBER
        return blocks[round(top * (height - low) / span) if span > 0 and math.isfinite(span) else 0]

    return "".join(map(block, heights)), logarithmic


def _blocks() -> str:
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BLOCKS
    return BLOCKS


def told(alerts: Sequence[dict[str, Any]], width: int) -> list[str]:
    """Return the alerts, each with its step, place and first figure."""
    if not alerts:
        return ["  no alerts"]
    lines = ["  alerts"]
    for alert in alerts:
        finding = alert["finding"]
        head = f"{finding.get('severity')}[{finding.get('code')}] {finding.get('name')}: {finding.get('message')}"
        where = [f"{place['path']}:{place['line']}" for place in finding.get("where", [])[:1]]
        where += [f"module {finding['module']}"] if finding.get("module") else []
        lines += textwrap.wrap(
            clean(f"step {alert['step']:,}: {head}"), max(width, 30), initial_indent="    ", subsequent_indent="      "
        )
        if where:
            lines.append(cut(f"      --> {clean(', '.join(where))}", width))
    return lines


def layer_table(step: int | None, layers: Sequence["Layer"], width: int, *, whole: bool) -> str:
    """Return the layers at the last sample; of many, the first and the last unless ``whole``."""
    if not layers:
        return "  no sample of the layers\n"
    half = LAYERS_SHOWN // 2
    left_out = 0 if whole or len(layers) <= LAYERS_SHOWN else len(layers) - LAYERS_SHOWN
    shown = [*layers[:half], *layers[-half:]] if left_out else list(layers)
    room = max(NAME_MIN, min(NAME_MAX, width - 2 - len(COLUMNS) * (CELL + 1)))
    name_width = min(room, max(len(clean(layer.name)) for layer in shown))
    name_width = max(name_width, len("layer"))
    lines = [f"  layers at step {step:,}" if step is not None else "  layers"]
    lines.append("  " + "layer".ljust(name_width) + "".join(f" {c:>{CELL}}" for c in COLUMNS))
    for i, layer in enumerate(shown):
        if left_out and i == half:
            lines.append(f"  ... {left_out:,} more; --all shows them")
        cells = "".join(f" {figure(getattr(layer, c), c):>{CELL}}" for c in COLUMNS)
        lines.append("  " + shortened(clean(layer.name), name_width).ljust(name_width) + cells)
    lines.append("  gradient, weight: norms; update: length of a step over that of the weights; the rest: outputs")
    return (
        "\n".join(textwrap.fill(line, width, subsequent_indent="  ") if len(line) > width else line for line in lines)
        + "\n"
    )


def shortened(name: str, width: int) -> str:
    """Return a module's name in ``width`` places: from the left, words give way to their first letter and number."""
    parts = name.split(".")
    for i, part in enumerate(parts[:-1]):
        if len(".".join(parts)) <= width:
            break
        parts[i] = part if part.isdigit() else part[:1] + _NUMBER_AT_END.findall(part[1:])[0]
    short = ".".join(parts)
    return short if len(short) <= width else "..." + short[len(short) - (width - 3) :]


def figure(value: float | None, column: str) -> str:
    """Return a cell of the layer table in at most eight places."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if column == "zeros":
        return f"{100 * value:.0f}%"
    if value == 0:
        return "0"
    if not SMALL <= abs(value) < LARGE:
        return f"{value:.0e}"
    return f"{value:.0f}" if abs(value) >= HUNDRED else f"{value:.2g}"
