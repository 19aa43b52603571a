"""``torchladder runs``: the runs that were recorded here, one of them in full, several beside each other, one again."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder import __version__
from torchladder.cli.main import Parser, nearest
from torchladder.cli.run_page import layer_table, page
from torchladder.cli.run_table import table
from torchladder.core.errors import UsageError
from torchladder.core.jsonable import to_json
from torchladder.core.report import Report
from torchladder.report.terminal import MIN_WIDTH, terminal
from torchladder.report.text import clean

if TYPE_CHECKING:
    from torchladder.runs.summary import Summary

NEWEST = 20
PIPE_WIDTH = 120
MAX_WIDTH = 160
MANY = 26  # runs that may be compared
WHAT = {"list": (0, 0), "show": (0, 1), "compare": (2, MANY), "reproduce": (0, 1)}  # runs that each takes
POINTS_MAX = 1000  # of a loss curve in JSON; metrics.jsonl has them all


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``runs``."""
    made = Parser(
        prog="torchladder runs",
        description="List the runs that were recorded in this folder, show one of them, compare several layer by layer "
        "and beside the noise of seeds, or make one again and find the first step that differs.",
        epilog="A run is a folder of plain files: run.json, provenance.json, metrics.jsonl, samples.jsonl, "
        "alerts.jsonl and others. States: running, ended, crashed, interrupted, stopped (by an alert), killed (the "
        "process is gone without an end), silent (on another machine, and not heard of for ten minutes). Exit status "
        "of reproduce: 0 the same bit for bit, 1 not the same, 3 the program failed before it recorded anything.",
    )
    add = made.add_argument
    add("what", nargs="?", choices=list(WHAT), default="list", help="what to do (list)")
    add("id", nargs="*", metavar="ID", help="a run's id, its beginning or its end; the newest if not given")
    add("--all", action="store_true", help=f"every run, not only the newest {NEWEST}; every layer, every difference")
    add("--json", action="store_true", help="print JSON")
    add("--html", type=Path, metavar="FILE", help="for show and compare: write one HTML page, with curves to zoom into")
    add("--serve", action="store_true", help="for show: serve that page on this machine; it follows a run that goes on")
    add("--force", action="store_true", help="let --html overwrite a file that is not a page of torchladder")
    add("--png", type=picture, metavar="FILE", help="for compare: draw the curves over each other (.png, .svg, .pdf)")
    add("--in", dest="folder", type=Path, metavar="FOLDER", help="for reproduce: where to run it (where it ran)")
    add("--runs", type=Path, default=Path(".torchladder/runs"), metavar="FOLDER", help="where runs are kept")
    return made


def run(options: argparse.Namespace) -> int:
    """Do what is asked with the runs that are named; return the exit status."""
    from torchladder.runs.index import runs_in

    least, most = WHAT[options.what]
    if options.what == "list" and options.id:
        msg = f"list takes no id; try: torchladder runs show {options.id[0]}"
        raise UsageError(msg)
    for given, takes, option in (
        (options.png, ("compare",), "--png"), (options.folder, ("reproduce",), "--in"),
        (options.html, ("show", "compare"), "--html"), (options.serve or None, ("show",), "--serve"),
    ):  # fmt: skip
        if given is not None and options.what not in takes:
            msg = f"{option} is for {' and '.join(takes)}, not for {options.what}"
            raise UsageError(msg)
    if not least <= len(options.id) <= most:
        many = "two runs or more" if most > 1 else "one run"
        msg = f"{options.what} takes {many}; try: torchladder runs list"
        raise UsageError(msg)
    found = runs_in(options.runs)
    if options.what == "list":
        print_list(found, options)
        return 0
    named = [chosen(found, word, options.runs) for word in options.id or [None]]
    if options.what == "show":
        return show_run(named[0], options)
    if options.what == "compare":
        from torchladder.cli.runs_compare import compare_runs

        if len({run.id for run in named}) < len(named):
            msg = f"{clean(named[0].id)} is named twice; compare takes different runs"
            raise UsageError(msg)
        return compare_runs(named, found, options, width())
    from torchladder.cli.runs_reproduce import reproduce_run

    return reproduce_run(named[0], options, width())


def picture(text: str) -> Path:
    """Return the path of a picture that can be drawn."""
    from torchladder.cli.runs_compare import checked_png

    return checked_png(Path(text))


def width() -> int:
    """Return how long a line may be."""
    return min(max(terminal()[0], MIN_WIDTH), MAX_WIDTH) if sys.stdout.isatty() else PIPE_WIDTH


def print_list(found: list["Summary"], options: argparse.Namespace) -> None:
    """Print the runs as a table or as JSON."""
    shown = found if options.all else found[:NEWEST]
    if options.json:
        print_json([to_json(s) for s in shown])
        return
    if not found:
        print(f"no run has been watched here ({options.runs} has none); torchladder watch SCRIPT records one")
        return
    sys.stdout.write(table(shown, width()))
    older = f"{len(found) - len(shown):,} older runs: --all. " if len(shown) < len(found) else ""
    print(f"\n{older}Next: torchladder runs show {clean(shown[0].id)}")


def chosen(found: list["Summary"], word: str | None, base: Path) -> "Summary":
    """Return the run that ``word`` names by its id, the beginning or the end of it; the newest for None.

    Raises:
        UsageError: If there is none, or several.
    """
    if not found:
        msg = f"no run has been watched here ({base} has none); torchladder watch SCRIPT records one"
        raise UsageError(msg)
    if word is None:
        return found[0]
    exact = [s for s in found if s.id == word]
    close = exact or [s for s in found if s.id.startswith(word) or s.id.endswith(word)]
    if len(close) == 1:
        return close[0]
    if close:
        msg = f"{len(close)} runs match {word!r}, the newest of them {clean(close[0].id)}; give more of the id"
    else:
        msg = f"there is no run {word!r}{clean(nearest(word, [s.id for s in found]))}; try: torchladder runs list"
    raise UsageError(msg)


def show_run(one: "Summary", options: argparse.Namespace) -> int:
    """Show a run: printed, as a page, or served; return the exit status."""
    from torchladder.webpage import page

    if options.html:
        page.write(report_of_run(one, options.runs), options.html, force=options.force)
        return 0
    if options.serve:
        from torchladder.cli.run_server import EVERY, serve
        from torchladder.runs.summary import summary_of

        def render() -> str:
            latest = summary_of(options.runs / one.id) or one
            return page.render(report_of_run(latest, options.runs), every=EVERY)

        return serve(render)
    print_run(one, options)
    return 0


def report_of_run(one: "Summary", runs: Path) -> Report:
    """Return the report of a run as far as it has come."""
    from torchladder.runs.report import report_of

    return report_of(one, runs / one.id, __version__)


def print_run(one: "Summary", options: argparse.Namespace) -> None:
    """Print everything about a run."""
    from torchladder.runs.series import alerts, last_layers, loss_curves

    folder = options.runs / one.id
    curves, told, (step, layers) = loss_curves(folder), alerts(folder), last_layers(folder)
    if options.json:
        losses = {}
        for curve in curves:
            every = -(-len(curve.steps) // POINTS_MAX) or 1
            losses[curve.name] = {
                "first": curve.values[0],
                "last": curve.values[-1],
                "best": curve.best(),
                "whole": curve.whole,
                "points": list(zip(curve.steps, curve.values, strict=True))[::every],
            }
        whole = {"folder": str(folder), "losses": losses, "alerts": told, "sample": {"step": step, "layers": layers}}
        print_json({**to_json(one), **to_json(whole)})
        return
    room = width()
    sys.stdout.write(page(one, folder, curves, told, room))
    sys.stdout.write("\n" + layer_table(step, layers, room, whole=options.all))


def print_json(value: Any) -> None:
    """Print JSON on standard output."""
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))
