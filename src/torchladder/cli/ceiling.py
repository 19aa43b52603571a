"""``torchladder ceiling``: which stage of a pipeline is worth working on."""

import argparse
import dataclasses
import time
from pathlib import Path

from torchladder.cli import outputs
from torchladder.cli.climb import FAIL_ON, Progress, finish
from torchladder.cli.lr import check_output
from torchladder.cli.main import Parser
from torchladder.core.errors import UsageError


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``ceiling``."""
    made = Parser(
        prog="torchladder ceiling",
        usage="%(prog)s [options] PIPELINE.py",
        description="Replace each stage of a pipeline by the right answer, alone and together with all before it, and "
        "rank the stages by what that gives at the end.",
        epilog="PIPELINE.py has STAGES = {'crop': crop, ...} in order, ITEMS = [{'input': ..., 'crop': what is right, "
        "...}, ...] or a function items, and one of score(output, item), error(output, item), metric(outputs, items). "
        "Exit status: 0 the stages are ranked, 2 usage, 3 a stage failed, 4 torchladder failed, 5 the items are too "
        "few to tell.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("file", type=Path, metavar="PIPELINE.py", help="the pipeline")
    add("--png", type=Path, metavar="FILE", help="write the picture: the gain of each stage")
    add("--seed", type=int, default=0, metavar="N", help="of the redrawn items (0)")
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--fail-on", choices=sorted(FAIL_ON), default="error", help="accepted as elsewhere; there are no findings here")
    add("--force", action="store_true", help="overwrite files that are something else")
    add("-q", "--quiet", action="store_true", help="print nothing but errors; the exit status says it")
    return made


def run(options: argparse.Namespace) -> int:
    """Swap, report, and return the exit status."""
    outputs.check(options)
    check_output(options.png, "png", force=options.force)
    if options.seed < 0:
        msg = f"--seed {options.seed} is below 0; give 0 or more"
        raise UsageError(msg)
    started = time.monotonic()

    from torchladder.ceiling import picture
    from torchladder.ceiling.declaration import read
    from torchladder.ceiling.measure import study
    from torchladder.ceiling.report import reported

    progress = Progress(quiet=options.quiet)
    try:
        found = study(read(options.file), seed=options.seed, progress=progress)
    finally:
        progress.clear()
    files = {picture.FILE: picture.draw(found)}
    if options.png:
        options.png.write_bytes(files[picture.FILE])
    report = reported(found, name=str(options.file), seconds=time.monotonic() - started)
    return finish(dataclasses.replace(report, pictures=tuple(files)), options, files)
