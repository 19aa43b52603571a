"""``torchladder watch``: the real run, with an eye on it; the exit status is the script's own."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from torchladder.cli import outputs
from torchladder.cli.climb import named_program
from torchladder.cli.main import Parser, say
from torchladder.core.errors import LadderError
from torchladder.core.sinks import RunEnd
from torchladder.report import json as report_json

if TYPE_CHECKING:
    from torchladder.monitor.watch import Watch

INTERRUPTED = 130


def share(text: str) -> float:
    """Return the share that "1%", "0.5 %" or "0.01" names."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < value <= 1:
        msg = f"{text!r} is not a share such as 1% or 0.01"
        raise argparse.ArgumentTypeError(msg)
    return value


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``watch``."""
    made = Parser(
        prog="torchladder watch",
        usage="%(prog)s [options] SCRIPT [args ...]\n       %(prog)s [options] -m MODULE [args ...]",
        description="Run a training program as it is and keep an eye on it, at next to no cost.",
        epilog="Options before SCRIPT are torchladder's, everything after it is the script's. The exit status is the "
        "script's own. Record: .torchladder/runs/, read by torchladder runs.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--overhead", type=share, default=0.01, metavar="SHARE", help="share of the time it may take (1%%)")
    add("--every", type=int, default=50, metavar="STEPS", help="steps between two close looks (50), budget permitting")
    add("--stop-on", action="append", default=[], metavar="RULES", help="stop, save and exit at these: TL212,diverged")
    add("--to", action="append", default=[], metavar="SINKS", help="also to tensorboard:DIR,wandb,mlflow,jsonl:FILE")
    add("--histograms", type=int, default=0, metavar="STEPS", help="histograms every so many steps (none)")
    add("--no-activations", action="store_true", help="do not look at the outputs of layers")
    add(
        "--nonfinite",
        choices=("on", "exact", "off"),
        default="on",
        help="trace the first NaN to its origin; exact waits for a GPU once a step (on)",
    )
    add("--name", help="name of the run (the script's)")
    add("--data", action="append", default=[], metavar="PATH", help="data whose fingerprint is kept in the record")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON when the run has ended")
    add("--html", type=Path, metavar="FILE", help="the same as one HTML page, with the curves and the layers")
    add("--force", action="store_true", help="let --json and --html overwrite a file that is not a report")
    add("--runs", type=Path, default=Path(".torchladder/runs"), metavar="FOLDER", help="where runs are kept")
    add("-q", "--quiet", action="store_true", help="print nothing of its own")
    add("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="run a module, as python -m does")
    add("command", nargs=argparse.REMAINDER, metavar="SCRIPT [args ...]", help="the program and its arguments")
    return made


def words_of(given: list[str]) -> list[str]:
    """Return the words of options that may be repeated or hold commas."""
    return [w.strip() for text in given for w in text.split(",") if w.strip()]


def run(options: argparse.Namespace) -> int:
    """Run the program under the monitor; return its own exit status."""
    from torchladder.integrations import sinks
    from torchladder.monitor.watch import Watch
    from torchladder.runner.execute import execute
    from torchladder.runner.place import clean_traceback
    from torchladder.runner.target import resolve

    name, argv, module = named_program(options)
    outputs.check(options)
    target = resolve(name, argv, module=module)
    nonfinite: dict[str, bool | str] = {"on": True, "exact": "exact", "off": False}
    eye = Watch(
        overhead=options.overhead,
        every=options.every,
        activations=not options.no_activations,
        histograms=options.histograms,
        nonfinite=nonfinite[options.nonfinite],
        stop_on=words_of(options.stop_on),
        to=sinks(words_of(options.to)),
        folder=options.runs.resolve(),
        name=options.name or Path(name).stem,
        data=options.data,
        quiet=options.quiet,
    )
    if options.json or options.html:  # as they are now: the program may go elsewhere
        files = [file.resolve() if file else None for file in (options.json, options.html)]
        home = Path.cwd()
        eye.before_leaving = lambda end: write(eye, end, name, home, *files, force=options.force)
    try:
        with eye:
            execute(target)
    except SystemExit as error:
        return status_of(error)
    except KeyboardInterrupt as error:
        print(clean_traceback(error), end="", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        print(clean_traceback(error), end="", file=sys.stderr)
        return 1
    return 0


def write(
    eye: "Watch", end: RunEnd, script: str, home: Path, as_json: Path | None, as_html: Path | None, *, force: bool
) -> None:
    """Write the report of a run that has ended and began in ``home``; what prevents it is said, and changes no more."""
    from torchladder.cli.watch_report import report_of
    from torchladder.report.excerpt import read_source
    from torchladder.runs.report import with_charts
    from torchladder.webpage import page

    try:
        report = with_charts(report_of(eye, end, script), eye.folder)
        if as_json:
            report_json.write(report, as_json, force=force)
        if as_html:
            page.write(report, as_html, force=force, read=lambda path: read_source(str(home / path)))
    except LadderError as error:
        say(f"{error}; the run is recorded all the same")


def status_of(error: SystemExit) -> int:
    """Return the exit status that the interpreter would give; words are printed as it would."""
    if error.code is not None and not isinstance(error.code, int):
        print(error.code, file=sys.stderr)
    return status_in(error)


def status_in(error: BaseException | None) -> int:
    """Return the exit status that an error which nobody catches gives a program."""
    if isinstance(error, SystemExit):
        return error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)
    return 0 if error is None else INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
