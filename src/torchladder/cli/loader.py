"""``torchladder loader``: how fast a loader is, where its time goes, and which setting to change first."""

import argparse
from pathlib import Path

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, Progress, finish, named_program, rule_words, seconds
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError

BUDGET = 30.0
LEAST = 3.0


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``loader``."""
    made = Parser(
        prog="torchladder loader",
        usage="%(prog)s [options] SCRIPT [args ...]\n       %(prog)s [options] PATH.py:make_loader\n"
        "       %(prog)s [options] -m MODULE [args ...]",
        description="Time the loader that feeds a program's training, or one that a function makes: batches a second, "
        "where the time goes, how long steps wait, and which setting to change first, each tried on this loader.",
        epilog="Options before SCRIPT are torchladder's, everything after it is the script's. Exit status: 0 nothing "
        "at or above --fail-on, 1 findings, 2 usage, 3 the program or the loader itself failed, 4 torchladder failed, "
        "5 no loader could be timed.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add(
        "--budget",
        type=seconds,
        default=BUDGET,
        metavar="TIME",
        help="for measuring, after the start: 30, 90s, 2m (30)",
    )
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--select", action="append", default=[], metavar="RULES", help="judge by these only: TL901,eval-too-often")
    add("--ignore", action="append", default=[], metavar="RULES", help="leave these out")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="let --json overwrite a file that is not a report")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    add("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="run a module, as python -m does")
    add("command", nargs=argparse.REMAINDER, metavar="SCRIPT [args ...]", help="the program and its arguments")
    return made


def run(options: argparse.Namespace) -> int:
    """Time, report, and return the exit status.

    Raises:
        UsageError: If the budget is too small to time anything, or a function is given arguments.
    """
    name, argv, is_module = named_program(options)
    outputs.check(options)
    select, ignore = rule_words(options.select), rule_words(options.ignore)
    if options.budget < LEAST:
        msg = f"--budget {options.budget:g} is too short to time anything; {LEAST:g} seconds are the least"
        raise UsageError(msg)

    from torchladder.feeding import factory
    from torchladder.feeding.run import of_factory, of_program

    given = None if is_module else factory.parse(name, str(Path.cwd()))
    if given is not None and argv:
        msg = f"{name} is called without arguments; leave {' '.join(argv)} out"
        raise UsageError(msg)
    progress = Progress(quiet=options.quiet)
    shared = {"budget": options.budget, "select": select, "ignore": ignore, "progress": progress}
    try:
        if given is not None:
            report = of_factory(*given, **shared)
        else:
            from torchladder.runner.target import resolve

            report = of_program(resolve(name, argv, module=is_module), **shared)
    finally:
        progress.clear()
    return finish(report, options)
