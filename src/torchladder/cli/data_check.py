"""``torchladder data check``: every check that data sets allow, on all samples or on a sample of them."""

import argparse
import contextlib
import dataclasses
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, finish, rule_words
from torchladder.cli.main import INTERRUPTED, say
from torchladder.core.errors import UsageError
from torchladder.core.report import Report

if TYPE_CHECKING:
    from torchladder.core.facts import Facts
    from torchladder.sets.source import Source

STATES = Path(".torchladder", "data")
PARSER: dict[str, Any] = {
    "usage": "%(prog)s [options] TRAIN [VAL ...]\n       %(prog)s [options] --from SCRIPT [args ...]",
    "epilog": "TRAIN and VAL are a folder of pictures (one folder a class), a list of pictures (a path and a label a "
    "line), a CSV, TSV, JSONL, Parquet or Arrow file (of pictures where a column names them), "
    "a .npz, .npy or idx file, a data set that Hugging Face datasets saved, or path.py:make_dataset. "
    "Folders train, val and test inside of one are taken as sides. Exit status: 0 nothing found, 1 findings, 2 usage, "
    "3 the program of --from failed, 4 torchladder failed, 5 nothing found but some check failed.",
    "allow_abbrev": False,
}


def count(text: str) -> int:
    """Return a number above zero."""
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal() or not int(digits):
        msg = f"{text!r} is not a number above zero"
        raise argparse.ArgumentTypeError(msg)
    return int(digits)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add = parser.add_argument
    add("sets", nargs="*", metavar="TRAIN [VAL ...]", help="training data, then what is held out")
    for role, words in (
        ("label", "column or array of the labels"),
        ("group", "column of what must stay together: patient, user, document, video"),
        ("time", "column of times"),
        ("text", "column of texts"),
    ):
        add(f"--{role}", metavar="COLUMN", help=f"{words}; told if inferred")
    add("--root", metavar="FOLDER", help="where the pictures lie that a list or a table names")
    add(
        "--predictions",
        metavar="COLUMN",
        help="column of what your model says of each sample, or a file of it for each set, with commas between",
    )
    add("--sample", type=count, metavar="N", help="look at N samples of each set, evenly spread, not at all of them")
    add("--engine", choices=["local", "ray"], default="local", help="where shards are read (local); ray: a Ray cluster")
    add("--workers", type=count, default=1, metavar="N", help="processes of the local engine (1)")
    add("--restart", action="store_true", help="forget what an earlier check that was stopped had done")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--select", action="append", default=[], metavar="RULES", help="judge by these only: TL109,TL11,label-noise")
    add("--ignore", action="append", default=[], metavar="RULES", help="leave these out")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="let --json overwrite a file that is not a report")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    add("--from", dest="program", nargs=argparse.REMAINDER, metavar="SCRIPT", help="the sets that a program builds")


def run(options: argparse.Namespace) -> int:
    """Check, report, and return the exit status."""
    outputs.check(options)
    select, ignore = rule_words(options.select), rule_words(options.ignore)
    sides, name, known = opened(options)

    from torchladder.inspection.checks import all_folds
    from torchladder.inspection.run import Options, inspect
    from torchladder.inspection.workers import mapper_of
    from torchladder.sets.record import plan_of_sides

    mapper = mapper_of(options.engine, options.workers)
    keep = STATES if known is None else None
    planned = plan_of_sides([source.name for _, source in sides])
    how = Options(select, ignore, options.sample, keep, planned, again(options))
    if options.restart:
        forget()
    done = [0, 0]
    try:
        with bar(quiet=options.quiet) as show:

            def progress(finished: int, of: int) -> None:
                done[:] = [finished, of]
                show(finished, of)

            report: Report = inspect(sides, all_folds(), how, name=name, mapper=mapper, progress=progress, known=known)
    except KeyboardInterrupt:
        say(stopped(*done, kept=how.keep is not None))
        return INTERRUPTED
    return finish(report, options)


def stopped(done: int, of: int, *, kept: bool) -> str:
    """Return the sentence after Ctrl-C."""
    if not kept or not done:
        return "stopped by Ctrl-C; no report was written."
    return f"stopped by Ctrl-C; {done:,} of {of:,} shards are done and kept: the same command goes on from there."


def opened(options: argparse.Namespace) -> "tuple[list[tuple[str, Source]], str, Facts | None]":
    """Return the sides, what to call them, and what a program showed of them.

    Raises:
        UsageError: If neither sets nor a program was named, or both.
    """
    from torchladder.sets.open import open_sides
    from torchladder.sets.predicted import files_of, with_predictions
    from torchladder.sets.source import Columns

    asked = Columns(options.label, options.group, options.time, options.text, options.predictions, options.root)
    if options.program is not None:
        if options.sets or not options.program:
            msg = "--from takes the sets from a program: name the program after it, and no sets beside it"
            raise UsageError(msg)
        from torchladder.inspection.program import sides_of_program

        return sides_of_program(options.program, asked)
    if not options.sets:
        msg = "name the data to check, such as: torchladder data check train.csv val.csv"
        raise UsageError(msg)
    files = files_of(asked)
    sides = open_sides(options.sets, dataclasses.replace(asked, predictions=None) if files else asked)
    return with_predictions(sides, files, asked), " ".join(options.sets), None


def again(options: argparse.Namespace) -> str:
    """Return the command that makes the same check again."""
    words = ["torchladder", "data", "check"]
    for role in ("label", "group", "time", "text", "predictions", "root", "sample"):
        value = getattr(options, role)
        words += [f"--{role}", str(value)] if value is not None else []
    words += [*options.sets] if options.program is None else ["--from", *options.program]
    return shlex.join(words)


def forget() -> None:
    """Remove the states of all checks that were stopped."""
    import shutil

    shutil.rmtree(STATES, ignore_errors=True)


@contextlib.contextmanager
def bar(*, quiet: bool) -> Iterator[Any]:
    """Give a function that shows how far the check is: a bar on a terminal's stderr, nothing anywhere else."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TextColumn("shards"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)
