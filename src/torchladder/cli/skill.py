"""``torchladder skill``: the guide for coding agents, as Markdown."""

import argparse
import sys

from torchladder.cli.main import Parser


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``skill``."""
    return Parser(
        prog="torchladder skill",
        description="Print a guide for coding agents: the loop, what to try by symptom, every rule. "
        "For example: torchladder skill > AGENTS.md.",
    )


def run(options: argparse.Namespace) -> int:
    """Print the guide."""
    del options
    from torchladder.report.skill import skill

    sys.stdout.write(skill())
    return 0
