"""``torchladder explain CODE|NAME``: the page of a rule."""

import argparse
import sys

from torchladder.cli.main import Parser, nearest
from torchladder.core.errors import UsageError
from torchladder.report import pages
from torchladder.report.terminal import terminal
from torchladder.rules.registry import Rule, all_rules, find_rule


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``explain``."""
    made = Parser(
        prog="torchladder explain",
        description="Print the page of a rule: what is wrong, why it hurts, how it is found, what to do.",
    )
    made.add_argument("rule", metavar="CODE|NAME", help="such as TL301 or loss-broadcast")
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
    rule = rule_named(options.rule)
    if options.format == "json":
        sys.stdout.write(pages.as_json(pages.as_data(rule)))
    elif options.format == "md":
        sys.stdout.write(pages.markdown(rule))
    else:
        width, color = terminal()
        sys.stdout.write(pages.text(pages.markdown(rule), width=width, color=color))
    return 0
