"""``torchladder diagnose``: what the curves of a run, or of several, say; nothing is run."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, finish, rule_words
from torchladder.cli.lr import check_output
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError

if TYPE_CHECKING:
    from torchladder.diagnosis.diagnose import Diagnosis
    from torchladder.logs.table import LogError


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``diagnose``."""
    made = Parser(
        prog="torchladder diagnose",
        description="Say from the curves of a run what state it is in, since when, and what to reach for first.",
        epilog="FILE is a CSV or TSV table, JSON, JSON lines, a TensorBoard event file, Lightning's metrics.csv, "
        "trainer_state.json of Hugging Face, a Keras history, an export of W&B or MLflow, results.csv of Ultralytics, "
        "or the text that a program printed. DIR is the folder of a run, or of several, which are compared. Exit "
        "status: 0 nothing lost, 1 findings at or above --fail-on, 2 no log, 4 torchladder failed, 5 the curves cannot "
        "tell.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("logs", nargs="+", type=Path, metavar="FILE|DIR", help="logs; several runs are compared")
    add("--train", metavar="COL", help="column of the training loss (or score); told if inferred")
    add("--val", metavar="COL", help="column of the held-out loss (or score)")
    add("--direction", choices=["min", "max"], help="which is better in the columns named: min for a loss")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--png", type=Path, metavar="FILE", help="write the picture of the curves (PNG)")
    add("--select", action="append", default=[], metavar="RULES", help="judge by these only: TL601,overfitting")
    add("--ignore", action="append", default=[], metavar="RULES", help="leave these out")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="let --json and --png overwrite other files")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    return made


def run(options: argparse.Namespace) -> int:
    """Read, judge, report, and return the exit status."""
    started = time.monotonic()
    outputs.check(options)
    check_output(options.png, "png", force=options.force)
    select, ignore = rule_words(options.select), rule_words(options.ignore)

    from torchladder.diagnosis.diagnose import diagnose, rules_of
    from torchladder.diagnosis.report import report_of

    rules = rules_of(select, ignore)
    runs = [diagnose(log, rules) for log in opened(options)]
    name = " ".join(str(path) for path in options.logs)
    report = report_of(runs, rules, name=name, seconds=time.monotonic() - started)
    pictures = {}
    if options.png:
        from torchladder.diagnosis.picture import draw

        pictures["curves.png"] = draw(runs)
        options.png.write_bytes(pictures["curves.png"])
    if len(runs) > 1 and not options.quiet:
        show_table(runs)
    return finish(replace(report, pictures=tuple(pictures)), options, pictures)


def show_table(runs: "Sequence[Diagnosis]") -> None:
    """Print the comparison."""
    from torchladder.diagnosis.compare import table
    from torchladder.report.terminal import MAX_WIDTH, MIN_WIDTH, terminal

    sys.stdout.write(table(runs, max(MIN_WIDTH, min(terminal()[0], MAX_WIDTH))) + "\n")


def opened(options: argparse.Namespace) -> list:  # type: ignore[type-arg]
    """Return the curves of each run; of several, those that cannot be read are named and left out.

    Raises:
        UsageError: If no run could be read.
    """
    from torchladder.logs.curves import Asked, curves_of
    from torchladder.logs.opening import open_logs
    from torchladder.logs.table import LogError

    asked = Asked(options.train, options.val, options.direction)
    found, refused = [], []
    for path in options.logs:
        try:
            tables = open_logs(path)
        except LogError as error:
            refused.append(error)
            continue
        for table in tables:
            try:
                found.append(curves_of(table, asked))
            except LogError as error:
                refused.append(error)
    if not found:
        raise complaint(refused)
    for why in refused:
        print(f"torchladder: left out: {why}", file=sys.stderr)
    return found


def complaint(refused: "Sequence[LogError]") -> UsageError:
    """Return why nothing could be read."""
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return UsageError(f"{refused[0]}{more}")
