"""``torchladder report RECORD``: a stored report again."""

import argparse
import sys
from pathlib import Path

from torchladder.cli import outputs
from torchladder.cli.main import Parser
from torchladder.report import json as report_json
from torchladder.report.terminal import show


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``report``."""
    made = Parser(prog="torchladder report", description="Show a stored record again; nothing is run.")
    made.add_argument(
        "record", type=Path, metavar="RECORD", help="a folder under .torchladder/, or a report's JSON file"
    )
    made.add_argument(
        "--format",
        choices=["terminal", "json", "html", *outputs.TEXTS, "github"],
        default="terminal",
        help="form of the output (terminal)",
    )
    return made


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    report = report_json.load(options.record)
    if options.format == "json":
        sys.stdout.write(report_json.dumps(report))
    elif options.format == "html":
        from torchladder.webpage import page

        sys.stdout.write(page.render(report, folder=report_json.record_file(options.record).parent))
    elif options.format == "terminal":
        show(report)
    else:
        sys.stdout.write(outputs.text_of(report, options.format))
    return 0
