"""``torchladder explain CODE|NAME``: the page of a rule; ``explain symptoms``: where to begin without one."""

import argparse
import dataclasses
import sys

from torchladder.cli.main import Parser, nearest
from torchladder.core.errors import UsageError
from torchladder.core.symptoms import TABLE
from torchladder.report import pages
from torchladder.report.terminal import terminal
from torchladder.rules.registry import Rule, all_rules, find_rule

SYMPTOMS = "symptoms"


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``explain``."""
    made = Parser(
        prog="torchladder explain",
        description="Print the page of a rule: what is wrong, why it hurts, how it is found, what to do.",
    )
    made.add_argument(
        "rule", metavar="CODE|NAME", help="such as TL301 or loss-broadcast; symptoms: what to try first, by symptom"
    )
    made.add_argument("--format", choices=["text", "json", "md"], default="text", help="form of the page (text)")
    return made


def rule_named(key: str) -> Rule:
    """Return the rule with that code or name.

    Raises:
        UsageError: If there is none; names the nearest.
    """
    rule = find_rule(key)
    if rule is None:
        words = [word for r in all_rules() for word in (r.code, r.name)]
        msg = f"no rule is called {key!r}{nearest(key, words)}; try: torchladder rules"
        raise UsageError(msg)
    return rule


def run(options: argparse.Namespace) -> int:
    """Print the page."""
    if options.rule.lower() == SYMPTOMS:
        return _symptoms(options.format)
    rule = rule_named(options.rule)
    if options.format == "json":
        sys.stdout.write(pages.as_json(pages.as_data(rule)))
    elif options.format == "md":
        sys.stdout.write(pages.markdown(rule))
    else:
        width, color = terminal()
        sys.stdout.write(pages.text(pages.markdown(rule), width=width, color=color))
    return 0


def _symptoms(form: str) -> int:
    """Print the master table."""
    if form == "json":
        sys.stdout.write(pages.as_json([dataclasses.asdict(row) for row in TABLE]))
        return 0
    rows = [f"## {row.symptom}\n\n{row.cause}\n\nFirst: {row.first}\n" for row in TABLE]
    text = "# It will not learn: by symptom\n\n" + "\n".join(rows)
    width, color = terminal()
    sys.stdout.write(text if form == "md" else pages.text(text, width=width, color=color))
    return 0
