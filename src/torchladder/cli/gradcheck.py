"""``torchladder gradcheck``: are gradients that were written by hand the derivatives of what they belong to."""

import argparse
from pathlib import Path

from torchladder.cli import outputs
from torchladder.cli.climb import DEFAULT_BUDGET_S, FAIL_ON, finish, seconds
from torchladder.cli.main import Parser


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``gradcheck``."""
    made = Parser(
        prog="torchladder gradcheck",
        usage="%(prog)s [options] PATH:OBJECT",
        description="Check hand-written gradients against differences of the function's own values, in float64.",
        epilog="OBJECT is a function that returns (module_or_function, inputs), or what is checked itself: a module, "
        "an autograd function, a function, a pair (forward, backward), an object with both, a function that returns "
        "value and gradient. Exit status: 0 all gradients are right, 1 findings, 2 usage, 3 the function itself "
        "failed, 4 torchladder failed, 5 nothing found but something could not be judged.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("target", metavar="PATH:OBJECT", help="such as layers.py:make")
    add("--budget", type=seconds, default=DEFAULT_BUDGET_S, metavar="TIME", help="90, 90s, 2m (300)")
    add("--seed", type=int, default=0, metavar="N", help="of the random points and directions (0)")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="least severity that gives exit status 1 (error)")
    add("--force", action="store_true", help="let --json overwrite a file that is not a report")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    return made


def run(options: argparse.Namespace) -> int:
    """Check, report, and return the exit status."""
    outputs.check(options)
    from torchladder.gradients.report import checked_file

    return finish(checked_file(options.target, seconds=options.budget, seed=options.seed), options)
