"""``torchladder overfit``: rung 3 alone."""

import argparse

from torchladder.cli import climb


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``overfit``."""
    return climb.shared_options("overfit", "Give the program the same batch for ever and see whether it can fit it.")


def run(options: argparse.Namespace) -> int:
    """Run the rung, report, and return the exit status."""
    return climb.judge(options, "overfit")
