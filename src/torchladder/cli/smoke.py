"""``torchladder smoke``: one training and one validation batch."""

import argparse

from torchladder.cli import climb


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``smoke``."""
    return climb.shared_options("smoke", "Run one training and one validation batch, and look at what they hold.")


def run(options: argparse.Namespace) -> int:
    """Run the rung, report, and return the exit status."""
    return climb.judge(options, "smoke")
