"""``torchladder fix RECORD``: the diff of the cause, shown or applied."""

import argparse
import shlex
import sys
from pathlib import Path

from torchladder.cli.climb import DEFAULT_BUDGET_S, seconds
from torchladder.cli.fix_write import new_texts, write
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError
from torchladder.core.findings import Fix, Trust
from torchladder.core.report import Report
from torchladder.report import json as report_json
from torchladder.report.terminal import climb_again
from torchladder.report.text import clean, clean_lines


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``fix``."""
    made = Parser(prog="torchladder fix", description="Print or apply the fix of the root cause that a record holds.")
    made.add_argument(
        "record", type=Path, metavar="RECORD", help="a folder under .torchladder/, or a report's JSON file"
    )
    how = made.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print the diff (the default)")
    how.add_argument("--write", action="store_true", help="apply it; each changed file is kept as FILE.orig")
    made.add_argument(
        "--likely", action="store_true", help="let --write apply a fix that is neither exact nor verified"
    )
    made.add_argument(
        "--force",
        action="store_true",
        help="let --write change a file that is not committed, and replace an earlier FILE.orig",
    )
    made.add_argument(
        "--verify",
        action="store_true",
        help="after --write, climb the edited program again to the rung that was broken",
    )
    made.add_argument(
        "--args",
        default="",
        metavar="WORDS",
        help="the program's own arguments for --verify, quoted as one",
    )
    made.add_argument(
        "--budget", type=seconds, default=DEFAULT_BUDGET_S, metavar="TIME", help="for --verify: 90, 90s, 2m (300)"
    )
    return made


def split(text: str) -> list[str]:
    """Return the words of --args.

    Raises:
        UsageError: If a quotation in it does not end.
    """
    try:
        return shlex.split(text)
    except ValueError:
        msg = f"--args {clean(text)!r} has a quotation mark without its partner"
        raise UsageError(msg) from None


def sure(fix: Fix) -> bool:
    """Return whether a fix may be applied without further asking."""
    return fix.verified is True or (fix.trust is Trust.EXACT and fix.verified is None)


def reason(fix: Fix) -> str:
    """Return why a fix has no diff."""
    if fix.change is None:
        return "this is advice, and how to follow it is for you to decide"
    if fix.edited is False:
        return "it works, but the edit that was written for it did not pass"
    if fix.verified is False:
        return "this was tried, and did not help"
    return "no edit for it could be written safely in this program's files"


def chosen(report: Report) -> Fix:
    """Return the fix to show: one that is exact or verified before any other.

    Raises:
        UsageError: If the record holds no diff.
    """
    if report.cause is None:
        msg = "the record names no cause, so there is nothing to fix"
        raise UsageError(msg)
    fixes = [fix for fix in report.cause.fixes if fix.diff]
    if not fixes:
        code = report.cause.code
        told = "; ".join(f"{clean(fix.title)} ({reason(fix)})" for fix in report.cause.fixes) or "none is known"
        msg = f"the fix of {code} is not written as a diff: {told}; try: torchladder explain {code}"
        raise UsageError(msg)
    return min(fixes, key=lambda fix: (fix.verified is not True, not sure(fix)))


def run(options: argparse.Namespace) -> int:
    """Print or apply the diff; with --verify, climb again."""
    if options.verify and not options.write:
        msg = "--verify climbs the edited program: it goes with --write"
        raise UsageError(msg)
    words = split(options.args)
    report = report_json.load(options.record)
    fix = chosen(report)
    if not options.write:
        safe = sys.stdout.isatty()
        text = "\n".join(clean_lines(fix.diff or "")) if safe else fix.diff or ""
        sys.stdout.write(text.rstrip("\n") + "\n")
        return 0
    if not sure(fix) and not options.likely:
        msg = "this fix is neither exact nor verified; read it with --diff, then --write --likely applies it"
        raise UsageError(msg)
    texts = new_texts(fix.diff or "")
    write(texts, force=options.force)
    names = ", ".join(file.name for file in texts)
    print(f"Applied: {clean(fix.title)} ({names}; the old text is kept as .orig).")
    if options.verify:
        from torchladder.cli.fix_verify import verify

        return verify(report, words=words, budget=options.budget)
    print(f"Next: {clean(climb_again(report))}")
    return 0
