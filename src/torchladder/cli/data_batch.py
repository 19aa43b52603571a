"""``torchladder data batch``: look at one real batch after all transforms, and hold it against its contract."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, Progress, finish, rule_words, seconds
from torchladder.core.errors import UsageError
from torchladder.core.report import Report

if TYPE_CHECKING:
    from torchladder.batches.take import Taken

BUDGET_S = 60.0
PARSER: dict[str, Any] = {
    "usage": "%(prog)s [options] SCRIPT [args ...]\n       %(prog)s [options] path.py:make_loader\n"
    "       %(prog)s [options] DATA",
    "epilog": "SCRIPT is a training program: the batch is what its model was given. make_loader returns a DataLoader "
    "(or a data set). DATA is what data check takes: its samples are shown as they lie on disk. Exit status: 0 nothing "
    "found, 1 findings, 2 usage, 3 the program or the loader failed, 4 torchladder failed.",
    "allow_abbrev": False,
}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add = parser.add_argument
    add("--png", type=Path, metavar="FILE", help="write the picture there, too; it is kept beside the report anyway")
    add("--label", metavar="COLUMN", help="of DATA: column or array of the labels; told if inferred")
    add("--text", metavar="COLUMN", help="of DATA: column of texts; told if inferred")
    add("--root", metavar="FOLDER", help="of DATA: where the pictures lie that a list or a table names")
    add("--budget", type=seconds, default=BUDGET_S, metavar="TIME", help="for the program to make its first steps (60)")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--select", action="append", default=[], metavar="RULES", help="judge by these only: TL101,TL106,TL129")
    add("--ignore", action="append", default=[], metavar="RULES", help="leave these out")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="let --json and --png overwrite a file")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    add("command", nargs=argparse.REMAINDER, metavar="SCRIPT [args ...]", help="what to take a batch from")


def run(options: argparse.Namespace) -> int:
    """Take a batch, draw it, report it, and return the exit status."""
    outputs.check(options)
    if not options.command:
        msg = "name what to take a batch from, such as: torchladder data batch train.py"
        raise UsageError(msg)
    if options.png is not None and options.png.exists() and not options.force:
        msg = f"{options.png} exists; --force overwrites it"
        raise UsageError(msg)
    if options.png is not None and not options.png.absolute().parent.is_dir():
        msg = f"the folder {options.png.parent} does not exist"
        raise UsageError(msg)
    kept: dict[str, bytes] = {}
    progress = Progress(quiet=options.quiet)
    try:
        report = shown(options, progress, kept)
    finally:
        progress.clear()
    if options.png is not None:
        if not kept:
            msg = "there is nothing to be drawn in this batch: no pictures and no sequences of numbers"
            raise UsageError(msg)
        options.png.write_bytes(next(iter(kept.values())))
    return finish(report, options, kept)


def shown(options: argparse.Namespace, progress: Progress, kept: dict[str, bytes]) -> Report:
    """Return the report of the batch that was asked for."""
    from torchladder.batches.show import of_program, of_taken

    name, *argv = options.command
    rules = rule_words(options.select), rule_words(options.ignore)
    path = Path(name)
    if path.suffix in {".py", ".ipynb"}:
        from torchladder.runner.target import resolve

        return of_program(resolve(name, argv), options.budget, progress, kept.__setitem__, rules)
    if argv:
        msg = f"what follows {name} belongs to a program, and {name} is none"
        raise UsageError(msg)
    is_loader = not path.exists() and ".py:" in name
    found = _loader(name) if is_loader else _data(name, options)
    return of_taken(name, found, kept.__setitem__, rules, program=is_loader)


def _loader(name: str) -> "Taken":
    from torchladder.batches.take import of_loader

    return of_loader(name)


def _data(name: str, options: argparse.Namespace) -> "Taken":
    from torchladder.batches.take import of_data
    from torchladder.sets.open import open_sides
    from torchladder.sets.source import Columns

    sides = open_sides([name], Columns(label=options.label, text=options.text, root=options.root))
    return of_data(sides[0][1])
