"""``torchladder runs compare``: runs beside each other, layer by layer and metric by metric."""

import argparse
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torchladder.cli.run_page import duration
from torchladder.cli.run_table import cut
from torchladder.core.jsonable import to_json
from torchladder.report.text import clean, number

if TYPE_CHECKING:
    from torchladder.runs.compare import Comparison, MetricRow
    from torchladder.runs.layer_diff import LayerDifference
    from torchladder.runs.metrics import Metric
    from torchladder.runs.summary import Summary

LABEL = 13
ROWS_SHOWN = 12  # of a layer
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME_MAX = 28
CELL_MIN, CELL_MAX = 8, 26
PAIR = 2
NAMED = 3  # metrics of which the same is said, that are named


def compare_runs(runs: Sequence["Summary"], known: Sequence["Summary"], options: argparse.Namespace, width: int) -> int:
    """Print the comparison, draw its picture and write its page; the exit status is 0."""
    from torchladder.runs.compare import compare
    from torchladder.webpage import page

    if options.html is not None:
        page.check_writable(options.html, force=options.force)
    made = compare(options.runs, runs, known)
    if options.json:
        print(json.dumps(_without_series(to_json(made)), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(lines(made, width, whole=options.all)))
    if options.png is not None:
        from torchladder.report.curves_picture import curves_picture

        curves = {
            row.name: [(f"{letter(i)} {run.id}", m.steps, m.values) for i, (run, m) in _present(made.runs, row)]
            for row in made.metrics
        }
        path = curves_picture(curves, options.png)
        if not options.json:
            print(f"\nThe curves are in {clean(str(path))}")
    if options.html is not None:
        from torchladder.cli.runs_compare_page import report_of

        page.write(report_of(made), options.html, force=options.force)
        if not options.json:
            print(f"\nThe page is {clean(str(options.html))}")
    return 0


def lines(made: "Comparison", width: int, *, whole: bool = False) -> list[str]:
    """Return the comparison as lines."""
    out = []
    for i, run in enumerate(made.runs):
        spent = duration((run.ended or run.heartbeat) - run.started)
        out.append(
            cut(f"{letter(i)}  {clean(run.id)}  {clean(run.name)}, {run.state}, {run.steps:,} steps, {spent}", width)
        )
    letters = [letter(i) for i in range(len(made.runs))]
    out += ["", "What they were made of:", *layer_lines(made.layers, letters, width, whole=whole)]
    if not made.metrics:
        return [*out, "", "They have no metric in common."]
    return [*out, "", "What came out:", *_metric_lines(made.metrics, letters, width)]


def letter(i: int) -> str:
    """Return what the run number ``i`` is called."""
    return LETTERS[i] if i < len(LETTERS) else f"run {i + 1}"


def layer_lines(
    layers: Sequence["LayerDifference"], names: Sequence[str], width: int, *, whole: bool = False
) -> list[str]:
    """Return what differs, layer by layer."""
    out = []
    for layer in layers:
        mark = {True: " ", False: "!", None: "?"}[layer.same]
        out += _wrapped(f"{mark} {layer.layer:<{LABEL}}", layer.words, width)
        shown = layer.rows if whole else layer.rows[:ROWS_SHOWN]
        if shown:
            out += _table([("", *names), *shown], LABEL + 2, width)
        if len(shown) < len(layer.rows):
            out.append(" " * (LABEL + 2) + f"and {len(layer.rows) - len(shown):,} more: --all")
    return out


def _metric_lines(rows: Sequence["MetricRow"], names: Sequence[str], width: int) -> list[str]:
    pair = [f"{names[1]} - {names[0]}"] if len(names) == PAIR else []
    cells: list[tuple[str, ...]] = [("", *names, *pair)]
    for row in rows:
        difference = [difference_words(row.runs[0], row.runs[1])] if pair else []
        cells.append((row.name, *(value_words(m) for m in row.runs), *difference))
        if any(m is not None and m.best is not None for m in row.runs):
            cells.append(("  best", *(best_words(m) for m in row.runs), *("" for _ in pair)))
    out = _table(cells, 2, width)
    out += ["", "Is it more than the noise of seeds?"]
    for i, name in enumerate(names[1:]):
        for words, metrics in _alike(rows, i).items():
            more = f" and {len(metrics) - NAMED} more" if len(metrics) > NAMED else ""
            which = ", ".join(cut(clean(metric), NAME_MAX) for metric in metrics[:NAMED])
            out += _wrapped(f"  {which}{more}, {name} - {names[0]}: ", words, width, hang=4)
    return out


def _alike(rows: Sequence["MetricRow"], i: int) -> dict[str, list[str]]:
    """Return the metrics by what is said of their noise in run ``i + 1``, in order."""
    made: dict[str, list[str]] = {}
    for row in rows:
        verdict = row.noise[i]
        if verdict is not None:
            made.setdefault(verdict.words, []).append(row.name)
    return made


def difference_words(first: "Metric | None", second: "Metric | None") -> str:
    """Return by how much the second ended above the first."""
    return "-" if first is None or second is None else f"{second.final - first.final:+.3g}"


def value_words(metric: "Metric | None") -> str:
    """Return where a metric ended."""
    return "-" if metric is None else number(metric.final)


def best_words(metric: "Metric | None") -> str:
    """Return the best value and its step."""
    if metric is None or metric.best is None:
        return "-"
    return f"{number(metric.best)} at {metric.best_step:,}"


def _table(rows: Sequence[Sequence[str]], indent: int, width: int) -> list[str]:
    """Return rows in columns; a cell that has no room is cut."""
    columns = len(rows[0])
    rows = [[clean(cell) for cell in row] for row in rows]
    first = min(max(len(row[0]) for row in rows), NAME_MAX)
    room = max((width - indent - first) // max(columns - 1, 1) - 2, CELL_MIN)
    widths = [min(max(len(row[i]) for row in rows), room, CELL_MAX * 2) for i in range(1, columns)]
    out = []
    for row in rows:
        cells = [f"  {cut(cell, w):<{w}}" for cell, w in zip(row[1:], widths, strict=True)]
        out.append(cut(f"{' ' * indent}{cut(row[0], first):<{first}}{''.join(cells)}".rstrip(), width))
    return out


def _wrapped(label: str, text: str, width: int, *, hang: int = LABEL + 2) -> list[str]:
    return textwrap.wrap(
        label + clean(text), width, subsequent_indent=" " * hang, break_on_hyphens=False, drop_whitespace=True
    )


def _present(runs: Sequence["Summary"], row: "MetricRow") -> list[tuple[int, tuple["Summary", "Metric"]]]:
    return [(i, (run, m)) for i, (run, m) in enumerate(zip(runs, row.runs, strict=True)) if m is not None]


def _without_series(made: dict[str, object]) -> dict[str, object]:
    """Leave the values of every step out of the JSON: ``metrics.jsonl`` has them."""
    for row in made["metrics"]:  # type: ignore[attr-defined]
        for metric in row["runs"]:
            if metric is not None:
                metric["points"] = len(metric.pop("values"))
                del metric["steps"]
    return made


def checked_png(path: Path) -> Path:
    """Return a path for a picture; complain before anything is computed."""
    if path.suffix.lower() not in {".png", ".svg", ".pdf"}:
        msg = f"{str(path)!r} must end in .png, .svg or .pdf"
        raise argparse.ArgumentTypeError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"the folder {path.parent} does not exist"
        raise argparse.ArgumentTypeError(msg)
    return path
