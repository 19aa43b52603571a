"""``torchladder data split``: write the right split of a data set, and prove that it is clean."""

import argparse
from pathlib import Path
from typing import Any

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, finish
from torchladder.cli.data_check import bar
from torchladder.core.errors import UsageError
from torchladder.core.report import Report

TOLERANCE = 1e-6
PARSER: dict[str, Any] = {
    "usage": "%(prog)s [options] --out FOLDER DATA",
    "epilog": "DATA is what data check takes: a folder of pictures, a table, arrays, path.py:make_dataset. Tables are "
    "written as train, val and test in their own format, row for row; of pictures lists of files (or folders, with "
    "--copy or --link), of arrays and data sets the numbers of the samples. Copies of a sample always stay with it. "
    "Exit status: 0 clean, 1 written with findings, 2 usage or a wish that cannot be had, 4 torchladder failed.",
    "allow_abbrev": False,
}


def fractions(text: str) -> tuple[float, ...]:
    """Return the shares that "0.8,0.1,0.1" (or "80,10,10") names."""
    try:
        parts = tuple(float(p) for p in text.split(","))
    except ValueError:
        parts = ()
    if len(parts) not in {2, 3} or not all(0 < p < float("inf") for p in parts):
        msg = f"{text!r} does not name two or three shares such as 0.8,0.1,0.1"
        raise argparse.ArgumentTypeError(msg)
    total = sum(parts)
    if abs(total - 1) > TOLERANCE and abs(total - 100) > TOLERANCE:
        msg = f"the shares {text} sum to {total:g}, not to 1 or 100"
        raise argparse.ArgumentTypeError(msg)
    return tuple(p / total for p in parts)


def whole(text: str) -> int:
    """Return a seed."""
    if not text.isdecimal():
        msg = f"{text!r} is not a whole number of 0 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def gap(text: str) -> float:
    """Return a length of time."""
    from torchladder.splitting.chronology import span

    try:
        return span(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add = parser.add_argument
    add("data", metavar="DATA", help="what to split")
    add("--out", type=Path, required=True, metavar="FOLDER", help="where the sides and split.json go")
    add("--label", metavar="COLUMN", help="column or array of the labels; told if inferred")
    add("--group", metavar="COLUMN", help="keep samples of one group (patient, user, document) on one side")
    add("--time", metavar="COLUMN", help="split in time: what is held out is later than what is trained on")
    add("--text", metavar="COLUMN", help="column of texts; told if inferred")
    add("--root", metavar="FOLDER", help="where the pictures lie that a list or a table names")
    add("--gap", type=gap, default=0.0, metavar="TIME", help="with --time: leave out what follows a side this closely")
    add(
        "--source", action="store_true", help="keep pictures of one folder, or of one name but for the number, together"
    )
    scene = parser.add_mutually_exclusive_group()
    scene.add_argument("--scene", action="store_true", help="keep runs of nearly identical samples together, or fail")
    scene.add_argument("--at-random", action="store_true", help="keep together only what the options name, and copies")
    add(
        "--fractions",
        type=fractions,
        default=(0.8, 0.1, 0.1),
        metavar="SHARES",
        help="of two or three sides (0.8,0.1,0.1)",
    )
    add("--seed", type=whole, default=0, metavar="N", help="another seed gives another split (0)")
    add(
        "--stratify",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="each class (or tenth of values) in each side, or fail; by default classes, as far as they go",
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--copy", action="store_true", help="of a folder of pictures: copy the files, not only list them"
    )
    files.add_argument("--link", action="store_true", help="the same with links to them")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="overwrite an earlier split")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")


def run(options: argparse.Namespace) -> int:
    """Split, prove, report, and return the exit status."""
    outputs.check(options)
    if options.gap and options.time is None:
        msg = "--gap leaves out time between sides: name the column with --time"
        raise UsageError(msg)

    from torchladder.sets.source import Columns
    from torchladder.splitting.plan import Wish
    from torchladder.splitting.split import Target, split

    asked = Columns(options.label, options.group, options.time, options.text, root=options.root)
    wish = Wish(
        options.fractions,
        options.seed,
        options.stratify,
        options.gap,
        options.source,
        True if options.scene else None,
        options.at_random,
    )
    target = Target(options.out, "copy" if options.copy else "link" if options.link else "list", options.force)
    with bar(quiet=options.quiet) as show:
        report: Report = split(options.data, asked, wish, target, show)
    return finish(report, options)
