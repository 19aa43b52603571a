"""Where a report goes besides the terminal: files of several forms, annotations, and a baseline of known findings."""

import argparse
import dataclasses
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from torchladder.core.report import Report

TEXTS = {"sarif": "SARIF 2.1.0, for code scanning", "junit": "JUnit XML", "markdown": "Markdown"}
OURS = "torchladder"  # stands near the beginning of every file that we write
HEAD = 4000


def add_outputs(add: Callable[..., object]) -> None:
    """Add the options for every output to a parser."""
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    for name, what in TEXTS.items():
        add(f"--{name}", type=Path, metavar="FILE", help=f"write the report as {what}")
    add("--github", action="store_true", help="print annotations for GitHub Actions after the report")
    add("--baseline", type=Path, metavar="FILE", help="findings in this file are known, and do not fail")
    add("--write-baseline", type=Path, metavar="FILE", help="write the findings there as known ones")
    add("--force", action="store_true", help="let these overwrite files that are not torchladder's")


def check(options: argparse.Namespace) -> None:
    """Complain about outputs before anything has cost anything.

    Raises:
        UsageError: If an output is not possible, or there is no such baseline.
    """
    from torchladder.report import baseline
    from torchladder.report.json import check_writable

    force = getattr(options, "force", False)
    if options.json:
        check_writable(options.json, force=force)
    if options.html:
        from torchladder.webpage import page

        page.check_writable(options.html, force=force)
    for name in TEXTS:
        if path := getattr(options, name, None):
            _check_text(path, force=force)
    if getattr(options, "baseline", None):
        baseline.load(options.baseline)
    if getattr(options, "write_baseline", None):
        baseline.check_writable(options.write_baseline)


def known_apart(report: Report, options: argparse.Namespace) -> tuple[Report, Report]:
    """Return the report with a note on findings that are known, and the report of the others, which alone may fail."""
    from torchladder.report import baseline

    if not getattr(options, "baseline", None):
        return report, report
    known = baseline.load(options.baseline)
    new = tuple(f for f in report.findings if not baseline.is_known(f, known))
    count = len(report.findings) - len(new)
    if count and report.rungs:
        one = count == 1
        words = "finding is known and does not fail" if one else "findings are known and do not fail"
        note = f"{count} {words} ({options.baseline})"
        last = dataclasses.replace(report.rungs[-1], notes=(*report.rungs[-1].notes, note))
        report = dataclasses.replace(report, rungs=(*report.rungs[:-1], last))
    return report, dataclasses.replace(report, findings=new)


def write(report: Report, options: argparse.Namespace) -> None:
    """Write the report wherever the options say.

    Raises:
        UsageError: If a file cannot be written.
    """
    from torchladder.report import baseline, files
    from torchladder.report import json as report_json

    force = getattr(options, "force", False)
    if options.json:
        report_json.write(report, options.json, force=force)
    if options.html:
        from torchladder.webpage import page

        page.write(report, options.html, force=force)
    for name in TEXTS:
        if path := getattr(options, name, None):
            _check_text(path, force=force)
            files.write_text(path, text_of(report, name))
    if getattr(options, "write_baseline", None):
        baseline.write(report.findings, options.write_baseline)


def text_of(report: Report, form: str) -> str:
    """Return the report as "sarif", "junit", "markdown" or "github"."""
    text: str = import_module(f"torchladder.report.formats.{form}").render(report)
    return text


def _check_text(path: Path, *, force: bool) -> None:
    from torchladder.report import files

    is_one = files.head_holds(OURS, HEAD)
    files.check_writable(path, what="a report of torchladder", is_ours=is_one, force=force)
