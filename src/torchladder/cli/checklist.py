"""``torchladder checklist SCRIPT``: seven points to have seen before a long run, ticked with figures."""

import argparse
import sys

from torchladder.cli import climb
from torchladder.core.report import Report


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``checklist``."""
    return climb.shared_options(
        "checklist", "Tick off what to have seen before a long run: seven points, each with its figures, by a climb."
    )


def run(options: argparse.Namespace) -> int:
    """Climb to the learning rate, print the list, then the report where something is wrong."""
    options.to = climb.DEFAULT_RUNG
    return climb.judge(options, "climb", before=show)


def show(report: Report) -> None:
    """Print the list."""
    from rich.console import Console

    from torchladder.report.checklist import lines
    from torchladder.report.terminal import MAX_WIDTH, MIN_WIDTH, terminal

    width = max(MIN_WIDTH, min(terminal()[0], MAX_WIDTH))
    console = Console(file=sys.stdout, width=width)
    for line in lines(report, width):
        console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
    console.print()
