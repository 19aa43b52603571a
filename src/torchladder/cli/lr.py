"""``torchladder lr``: a learning-rate range test, checked by training at what it suggests."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli import climb, outputs
from torchladder.core.errors import UsageError

if TYPE_CHECKING:
    from torchladder.ladder import rates

FEWEST_STEPS = 10


def positive(text: str) -> float:
    """Return a learning rate."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        msg = f"{text!r} is not a number above 0 such as 1e-3"
        raise argparse.ArgumentTypeError(msg)
    return value


def count(text: str) -> int:
    """Return a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is not a whole number above 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``lr``."""
    made = climb.shared_options(
        "lr",
        "Raise the learning rate step by step on the program's own loop, then train at what the curve suggests.",
    )
    add = made.add_argument
    add("--start", type=positive, default=1e-7, metavar="LR", help="first learning rate (1e-7)")
    add("--end", type=positive, default=10.0, metavar="LR", help="last learning rate (10)")
    add("--steps", type=count, default=100, metavar="N", help="steps from the first to the last (100)")
    add("--csv", type=Path, metavar="FILE", help="write the curve: lr, loss, smoothed")
    add("--plot", type=Path, metavar="FILE", help="write the picture of the curve (PNG)")
    add("--from", dest="source", type=Path, metavar="FILE", help="read a curve from a CSV file and run nothing")
    add("--batch-size", type=count, metavar="N", help="say what the rate becomes for this batch size")
    return made


def run(options: argparse.Namespace) -> int:
    """Sweep or read the curve, report, and return the exit status."""
    if options.start >= options.end:
        msg = f"--start {options.start:g} must be below --end {options.end:g}"
        raise UsageError(msg)
    if options.steps < FEWEST_STEPS:
        msg = f"--steps {options.steps} is too few to see a curve; give at least {FEWEST_STEPS}"
        raise UsageError(msg)
    for file, suffix in ((options.csv, "csv"), (options.plot, "png")):
        check_output(file, suffix, force=options.force)
    return replot(options) if options.source else sweep(options)


def check_output(file: Path | None, suffix: str, *, force: bool) -> None:
    """Complain about an output that cannot be written, before anything has been run.

    Raises:
        UsageError: If it exists and is something else, or has nowhere to go.
    """
    if file is None:
        return
    if not file.parent.is_dir():
        msg = f"there is no folder {file.parent} for {file.name}"
        raise UsageError(msg)
    if suffix == "png" and file.suffix.lower() != ".png":
        msg = f"--plot writes PNG pictures; name the file {file.stem}.png"
        raise UsageError(msg)
    if file.exists() and not force and not made_by_us(file, suffix):
        msg = f"{file} exists and is no {'curve' if suffix == 'csv' else 'picture'}; --force overwrites it"
        raise UsageError(msg)


def made_by_us(file: Path, suffix: str) -> bool:
    """Tell whether a file looks like an earlier output of this verb."""
    with file.open("rb") as stored:
        head = stored.read(16)
    return head.startswith(b"lr,loss,smoothed" if suffix == "csv" else b"\x89PNG")


def sweep(options: argparse.Namespace) -> int:
    """Run the rung on a program."""
    name, argv, is_module = climb.named_program(options)
    outputs.check(options)
    select, ignore = climb.rule_words(options.select), climb.rule_words(options.ignore)

    from torchladder.ladder import lr as ladder
    from torchladder.ladder.lr_plot import CSV_FILE, FILE
    from torchladder.runner import target as targets

    target = targets.resolve(name, argv, module=is_module)
    progress = climb.Progress(quiet=options.quiet)
    settings = ladder.Settings(options.start, options.end, options.steps, options.batch_size)
    files: dict[str, bytes] = {}
    try:
        report = ladder.lr(
            target, budget=options.budget, settings=settings, select=select, ignore=ignore, progress=progress,
            keep=files.__setitem__,
        )  # fmt: skip
    finally:
        progress.clear()
    write(options, files.get(CSV_FILE), files.get(FILE))
    return climb.finish(report, options, files)


def write(options: argparse.Namespace, table: bytes | None, picture: bytes | None) -> None:
    """Write the curve and its picture where the options say."""
    for file, content in ((options.csv, table), (options.plot, picture)):
        if file is not None and content is None:
            print(f"torchladder: {file} was not written: there is no curve", file=sys.stderr)
        elif file is not None and content is not None:
            file.write_bytes(content)


def replot(options: argparse.Namespace) -> int:
    """Read a stored curve, and print and draw it again; nothing is run.

    Raises:
        UsageError: If the file is no curve, or a program is named beside it.
    """
    if options.command or options.module:
        msg = "--from reads a stored curve; leave the program out"
        raise UsageError(msg)
    from torchladder.ladder import lr_plot

    try:
        curve = lr_plot.read_csv(options.source)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    picture = lr_plot.draw(curve) if options.plot else None
    write(options, lr_plot.csv_text(curve).encode(), picture)
    if not options.quiet:
        show(curve)
    from torchladder.ladder import rates as reading

    return climb.UNDECIDED if reading.suggestion(curve) is None else 0


def show(curve: "rates.Curve") -> None:
    """Print the readings of a curve as a small table."""
    from torchladder.ladder import rates as reading

    said: Any = reading.suggestion(curve)
    rows = [(r.rule, r.lr) for r in reading.readings(curve)]
    width = max(len(rule) for rule, _ in rows)
    print(f"{len(curve.lrs)} points, loss {curve.start:.4g} at the start, {min(curve.smoothed):.4g} at its lowest")
    for rule, rate in rows:
        print(f"  {rule:<{width}}  {rate:.3g}")
    if said is None:
        print(f"no rate is suggested: {reading.refusal(curve)}")
    else:
        print(f"suggestion: {said.lr:.3g} ({said.rule}); only training at it can check that")
