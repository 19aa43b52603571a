"""``torchladder rules``: the list of rules."""

import argparse
import sys

from torchladder.cli.main import Parser
from torchladder.report import pages
from torchladder.report.terminal import terminal
from torchladder.rules.registry import Entry, Family, all_rules, listing

MAX_WIDTH = 120


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``rules``."""
    made = Parser(prog="torchladder rules", description="List the rules: code, name, rung  severity  what is wrong.")
    made.add_argument("--family", choices=[f.value for f in Family], help="only rules about this subject")
    made.add_argument("--format", choices=["table", "json"], default="table", help="form of the list (table)")
    return made


def table(rules: list[Entry], width: int) -> str:
    """Return the rules as a table, one line each, cut to ``width``."""
    name_width = max((len(r.name) for r in rules), default=4)
    lines = []
    for rule in rules:
        line = f"{rule.code}  {rule.name:<{name_width}}  {rule.rung:<4}  {rule.severity:<8}  {rule.summary}"
        lines.append(line if len(line) <= width else line[: width - 3].rstrip() + "...")
    head = f"{'code':<5}  {'name':<{name_width}}  rung  severity  what is wrong"
    return "\n".join([head, *lines, "", f"{len(rules)} rules. Next: torchladder explain CODE"]) + "\n"


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    rules = [e for e in listing() if options.family in {None, e.family}]
    if options.format == "json":
        keys = ("code", "name", "family", "rung", "severity", "since", "summary")
        whole = [r for r in all_rules() if options.family in {None, r.family.value}]
        sys.stdout.write(pages.as_json([{k: v for k, v in pages.as_data(r).items() if k in keys} for r in whole]))
        return 0
    width, _ = terminal()
    sys.stdout.write(table(rules, min(width, MAX_WIDTH) if sys.stdout.isatty() else MAX_WIDTH))
    return 0
