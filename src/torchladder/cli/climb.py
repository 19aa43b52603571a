"""``torchladder climb``: the whole ladder; ``overfit`` and ``smoke`` share its options."""

import argparse
import dataclasses
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from torchladder.cli import outputs
from torchladder.cli.main import Parser, nearest
from torchladder.core.errors import UsageError
from torchladder.core.findings import Severity
from torchladder.core.report import Report, State

LAST_RUNG = 7
DEFAULT_RUNG = 5
DEFAULT_BUDGET_S = 300.0
FOUND, UNDECIDED = 1, 5
FAIL_ON = {"error": (Severity.ERROR,), "warning": (Severity.ERROR, Severity.WARNING), "never": ()}
SECONDS_IN = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Return the seconds that "90", "90s", "2m" or "0.5h" name."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip().lower())
    if not match or float(match[1]) <= 0:
        msg = f"{text!r} is not a time such as 90, 90s or 2m"
        raise argparse.ArgumentTypeError(msg)
    return float(match[1]) * SECONDS_IN[match[2]]


def rung(text: str) -> int:
    """Return the number of a rung."""
    if not text.isdecimal() or not 1 <= int(text) <= LAST_RUNG:
        msg = f"{text!r} is not a rung from 1 to {LAST_RUNG}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def shared_options(verb: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every judging verb takes."""
    parser = Parser(
        prog=f"torchladder {verb}",
        usage="%(prog)s [options] SCRIPT [args ...]\n       %(prog)s [options] -m MODULE [args ...]",
        description=description,
        epilog="Options before SCRIPT are torchladder's, everything after it is the script's. Exit status: 0 every "
        "rung climbed passed, 1 findings, 2 usage, 3 the program itself failed, 4 torchladder failed, 5 nothing found "
        "but some rung could not be judged.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--budget",
        type=seconds,
        default=DEFAULT_BUDGET_S,
        metavar="TIME",
        help="for all experiments: 90, 90s, 2m (300)",
    )
    outputs.add_outputs(add)
    add(
        "--select",
        action="append",
        default=[],
        metavar="RULES",
        help="judge by these only: TL301,TL4,missing-zero-grad",
    )
    add("--ignore", action="append", default=[], metavar="RULES", help="leave these out")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    add("-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="run a module, as python -m does")
    add("command", nargs=argparse.REMAINDER, metavar="SCRIPT [args ...]", help="the program and its arguments")
    return parser


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``climb``."""
    made = shared_options("climb", "Climb the ladder with a training program; stop at the first broken rung.")
    made.add_argument(
        "--to",
        type=rung,
        default=DEFAULT_RUNG,
        metavar="RUNG",
        help="last rung to climb (5); 6 makes the full run, 7 looks at its errors",
    )
    return made


def rule_words(given: list[str]) -> tuple[str, ...]:
    """Return the words of --select or --ignore, each a code, the beginning of one, or a name.

    Raises:
        UsageError: If a word matches no rule.
    """
    from torchladder.rules.registry import all_rules

    words = tuple(w.strip() for text in given for w in text.split(",") if w.strip())
    known = [(r.code.lower(), r.name) for r in all_rules()]
    for word in words:
        if not any(code.startswith(word.lower()) or name == word.lower() for code, name in known):
            hint = nearest(word, [w for pair in known for w in (pair[0].upper(), pair[1])])
            msg = f"no rule is called {word!r}{hint}; try: torchladder rules"
            raise UsageError(msg)
    return words


def named_program(options: argparse.Namespace) -> tuple[str, list[str], bool]:
    """Return the program's name, its arguments, and whether it is a module.

    Raises:
        UsageError: If none was named.
    """
    is_module = options.module is not None
    words = list(options.module if is_module else options.command)
    if words and words[0] == "--":
        words = words[1:]
    if not words:
        msg = "name the program to run, such as: torchladder climb train.py"
        raise UsageError(msg)
    if not is_module and words[0].startswith("-") and not Path(words[0]).exists():
        msg = f"{words[0]} is not an option of torchladder; options come before SCRIPT; try: torchladder climb --help"
        raise UsageError(msg)
    return words[0], words[1:], is_module


class Progress:
    """One transient line on a terminal's stderr, and nothing anywhere else.

    No thread of its own: experiments are forked, and a fork must not copy a held lock.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._live = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._start = time.monotonic()

    def __call__(self, message: str) -> None:
        """Show ``message`` in place of the one before."""
        if not self._live:
            return
        from torchladder.report.text import clean

        width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        line = f"  {time.monotonic() - self._start:3.0f} s  {clean(message)}"
        sys.stderr.write(f"\r\x1b[2K{line[: width - 1]}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def save_record(report: Report, pictures: Mapping[str, bytes] | None = None) -> Report:
    """Store ``report`` under ``.torchladder/`` and return it with its folder and its next command set.

    Args:
        report: What was found.
        pictures: The bytes of each file that ``report.pictures`` names.
    """
    from torchladder.report import json as report_json
    from torchladder.report.terminal import next_step

    root = Path(".torchladder")
    folder = Path(report.folder) if report.folder else root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = root / ".gitignore"
        if root.is_dir() and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        for name, content in (pictures or {}).items():
            (folder / name).write_bytes(content)
    except OSError:
        report = dataclasses.replace(report, pictures=())
        return report if report.next else dataclasses.replace(report, next=next_step(report))
    report = dataclasses.replace(report, folder=str(folder))
    if report.next is None:
        report = dataclasses.replace(report, next=next_step(report))
    report_json.write(report, folder / "report.json", force=True)
    return report


def exit_status(report: Report, fail_on: str) -> int:
    """Return the exit status that DESIGN promises for ``report``."""
    if report.exit_status not in {0, FOUND, UNDECIDED}:
        return report.exit_status
    if any(f.severity in FAIL_ON[fail_on] for f in report.findings):
        return FOUND
    judged = all(r.state in {State.PASSED, State.SKIPPED} for r in report.rungs)
    return 0 if report.findings or judged else UNDECIDED


def finish(
    report: Report,
    options: argparse.Namespace,
    pictures: Mapping[str, bytes] | None = None,
    before: Callable[[Report], None] | None = None,
) -> int:
    """Store, write and print ``report``, with what ``before`` prints ahead of it; return the exit status."""
    from torchladder.report.terminal import show

    report, new = outputs.known_apart(report, options)
    report = dataclasses.replace(report, exit_status=exit_status(new, options.fail_on))
    report = save_record(report, pictures)
    outputs.write(report, options)
    if not options.quiet:
        if before is not None:
            before(report)
        show(report)
    if getattr(options, "github", False):
        sys.stdout.write(outputs.text_of(new, "github"))
    return report.exit_status


def run(options: argparse.Namespace) -> int:
    """Climb, report, and return the exit status."""
    return judge(options, "climb")


def judge(options: argparse.Namespace, how: str, before: Callable[[Report], None] | None = None) -> int:
    """Run the function ``how`` of the ladder on the named program and report what it found, after ``before``."""
    name, argv, is_module = named_program(options)
    outputs.check(options)
    select, ignore = rule_words(options.select), rule_words(options.ignore)

    from torchladder.runner import target as targets

    target = targets.resolve(name, argv, module=is_module)

    from torchladder.ladder import climb as ladder

    if not hasattr(ladder, how):
        msg = f"{how} is not available yet; torchladder climb --to 3 is"
        raise UsageError(msg)
    progress = Progress(quiet=options.quiet)
    extra = {"to": options.to} if how == "climb" else {}
    pictures: dict[str, bytes] = {}
    try:
        report: Report = getattr(ladder, how)(
            target,
            budget=options.budget,
            select=select,
            ignore=ignore,
            progress=progress,
            keep=pictures.__setitem__,
            **extra,
        )
    finally:
        progress.clear()
    return finish(report, options, pictures, before)
