"""``torchladder scaling``: laws from finished runs, what they say of a larger one, and runs that lie beside them."""

import argparse
import csv
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli import outputs
from torchladder.cli.climb import DEFAULT_BUDGET_S, FAIL_ON, Progress, finish, seconds
from torchladder.cli.lr import check_output, count
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError

if TYPE_CHECKING:
    from torchladder.scaling.table import Table

FRACTIONS = "0.02,0.05,0.1,0.2,0.5"
LAWS = ("auto", "samples", "parameters", "joint")


def amounts(text: str) -> list[float]:
    """Return numbers above 0, separated by commas."""
    try:
        found = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found or not all(0 < v < float("inf") for v in found):
        msg = f"{text!r} is not a number above 0, nor several separated by commas"
        raise argparse.ArgumentTypeError(msg)
    return found


def fractions(text: str) -> list[float]:
    """Return shares between 0 and 1."""
    found = amounts(text)
    if any(v >= 1 for v in found):
        msg = f"{text!r}: each share is below 1; the full run is made anyway"
        raise argparse.ArgumentTypeError(msg)
    return found


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``scaling``."""
    made = Parser(
        prog="torchladder scaling",
        usage="%(prog)s [options] FILE\n       %(prog)s [options] --from SCRIPT [args ...]",
        description="Fit loss = E + A/N^a + B/D^b to finished runs, check how it foretells the largest of them, spend "
        "a compute budget best, and judge runs against the law.",
        epilog="FILE is CSV, TSV, JSON or JSON lines with a row for each run: loss, and N (parameters), D (samples or "
        "tokens) or both, or one of them and FLOPs. Exit status: 0 a law was fitted, 1 findings, 2 usage, 3 the "
        "program failed, 4 torchladder failed, 5 the runs carry no law.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("file", nargs="?", type=Path, metavar="FILE", help="the runs")
    add("--law", choices=LAWS, default="auto", help="which sizes the loss depends on (auto: what the runs carry)")
    add("--flops", type=amounts, default=[], metavar="C", help="say the best N and D for this compute: 1e21,5.76e23")
    add("--run", action="append", default=[], metavar="RUN",
        help="judge a run that is not fitted: its name in FILE, or N=7e9,D=1.4e12,loss=1.98")  # fmt: skip
    add("--held-out", type=count, metavar="K", help="foretell the K largest runs from the others (a fifth)")
    add("--png", type=Path, metavar="FILE", help="write the picture: isoFLOP curves, runs beside the law")
    add("--seed", type=int, default=0, metavar="N", help="of the redrawn losses (0)")
    add("--fractions", type=fractions, default=fractions(FRACTIONS), metavar="SHARES",
        help=f"with --from: shares of the training data to run on ({FRACTIONS})")  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="with --from: write the runs that were made")
    add("--budget", type=seconds, default=DEFAULT_BUDGET_S, metavar="TIME", help="with --from: 90, 90s, 2m (300)")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="overwrite files that are something else")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    add(
        "--from", dest="program", nargs=argparse.REMAINDER, metavar="SCRIPT", help="run a program on shares of its data"
    )
    return made


def run(options: argparse.Namespace) -> int:
    """Fit, report, and return the exit status."""
    if (options.file is None) == (options.program is None) or options.program == []:
        msg = "name a file of runs, or a program after --from, one of the two"
        raise UsageError(msg)
    if options.seed < 0:
        msg = f"--seed {options.seed} is below 0; give 0 or more"
        raise UsageError(msg)
    outputs.check(options)
    check_output(options.png, "png", force=options.force)
    started = time.monotonic()

    from torchladder.scaling import picture
    from torchladder.scaling.report import reported
    from torchladder.scaling.runs import Law
    from torchladder.scaling.study import study
    from torchladder.scaling.table import named_run, read

    table = read(options.file) if options.program is None else made_runs(options)
    judged = [named_run(text, table.rows) for text in options.run]
    found = study(
        table.rows,
        law=None if options.law == "auto" else Law[options.law.upper()],
        judge=judged,
        flops=options.flops,
        held_out=options.held_out,
        seed=options.seed,
    )
    source = None if options.program is not None else str(options.file)
    name = source or " ".join(options.program)
    report = reported(found, name=name, notes=table.notes, seconds=time.monotonic() - started, source=source)
    files = {picture.FILE: picture.draw(found)} if found.fit is not None else {}
    if options.png and files:
        options.png.write_bytes(files[picture.FILE])
    return finish(dataclasses.replace(report, pictures=tuple(files)), options, files)


def made_runs(options: argparse.Namespace) -> "Table":
    """Run the program on shares of its data, and return the runs."""
    from torchladder.ladder.shares import at_shares
    from torchladder.runner import target as targets
    from torchladder.scaling.table import Table, of_records

    name, *argv = options.program
    progress = Progress(quiet=options.quiet)
    try:
        rows, missing = at_shares(
            targets.resolve(name, argv, module=False), options.fractions, budget=options.budget, progress=progress
        )
    finally:
        progress.clear()
    if options.csv:
        write(rows, options.csv)
    table = of_records([(None, r) for r in rows], name)
    return Table(table.rows, (*table.notes, *missing))


def write(rows: list[dict[str, Any]], file: Path) -> None:
    """Write the runs as CSV, to be read again by this verb."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, fieldnames=["name", "D", "loss", "accuracy"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
