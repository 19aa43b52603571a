"""``torchladder ablate``: a baseline, one change at a time, several seeds, and what is more than their noise."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from torchladder.cli.climb import finish
from torchladder.cli.data_check import count
from torchladder.cli.main import Parser, nearest
from torchladder.core.errors import UsageError

if TYPE_CHECKING:
    from torchladder.ablation.job import Job, Result
    from torchladder.ablation.plan import Plan
    from torchladder.ablation.study import Listener

RECIPES = {".yaml", ".yml", ".json"}
SEEDS = 3
MINUTE, HOUR = 60.0, 3600.0


def _options(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add(
        "--change", action="append", default=[], metavar="KEY=VALUE",
        help="one change; give it once for each row of the table; a=1,b=2 makes both together",
    )  # fmt: skip
    add("--seeds", type=count, default=SEEDS, metavar="N", help=f"the most seeds of each ({SEEDS}); two come first")
    add("--metric", default="", metavar="NAME", help="what is compared; of a script what it prints as NAME: 0.93")
    add("--metric-file", metavar="FILE", help="read a script's metric from this JSON, JSON lines or CSV file of its")
    add("--seed-as", default="seed", metavar="NAME", help="a script's argument for the seed (seed); none: it has none")
    add("--lower-is-better", action="store_true", default=None, help="a script's metric is to be small, as losses are")
    add("--higher-is-better", action="store_false", dest="lower_is_better", help="a script's metric is to be large")
    add("--jobs", type=count, default=1, metavar="N", help="runs at once on this machine (1)")
    add("--threads", type=count, metavar="N", help="of each run (the cores shared out among the jobs; with Ray 1)")
    add("--engine", choices=("local", "ray"), default="local", help="ray: over the cluster at RAY_ADDRESS, or here")
    add(
        "--out", type=Path, default=Path(".torchladder"), metavar="DIR",
        help="finished runs are kept here, and found again by the next ablation (.torchladder)",
    )  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the report as JSON")
    add("--html", type=Path, metavar="FILE", help="write the report as one HTML page that needs no network")
    add("--force", action="store_true", help="let --json and --html overwrite other files")
    add("-q", "--quiet", action="store_true", help="print nothing but errors")


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``ablate``."""
    made = Parser(
        prog="torchladder ablate",
        usage="%(prog)s RECIPE.yaml --change KEY=VALUE [--change ...] [options]\n"
        "       %(prog)s SCRIPT.py [args ...] --change KEY=VALUE --metric NAME [options]",
        description="Run a baseline and one change at a time over the same split, paired by seed, and say which "
        "changes help, which hurt, and which are within noise. Seeds are added where the difference is small.",
        epilog="Where --change stands before SCRIPT, all that follows it is the script's. Finished runs are kept: the "
        "same command goes on after a kill, and more --seeds add to what is there. Exit status: 0 every change was "
        "judged, 2 usage, 3 the baseline failed, 4 torchladder failed, 5 some change has no verdict, 130 stopped.",
        allow_abbrev=False,
    )
    _options(made)
    made.add_argument("command", nargs=argparse.REMAINDER, metavar="RECIPE|SCRIPT [args ...]", help="the baseline")
    made.set_defaults(fail_on="error")
    return made


def run(options: argparse.Namespace) -> int:
    """Ablate, report, and return the exit status."""
    from torchladder.cli import outputs

    words = _words(options)
    outputs.check(options)

    from torchladder.ablation.engines import engine_of
    from torchladder.ablation.ledger import Ledger
    from torchladder.ablation.report import reported
    from torchladder.ablation.study import conduct

    plan = _plan(words, options, _threads(options))
    engine = engine_of(options.engine, options.jobs)
    ledger = Ledger(options.out / "ablations")
    study = conduct(plan, engine, ledger, Progress(plan, options).listener())
    return finish(reported(study, source=plan.title), options)


def _threads(options: argparse.Namespace) -> int:
    """Return the threads of each run: as asked for, else a share of the cores, or what OMP_NUM_THREADS allows."""
    from torchladder.core.machine import cores

    if options.threads:
        return int(options.threads)
    if options.engine == "ray":
        return 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    share: int = max(cores() // options.jobs, 1)
    return min(share, int(allowed)) if allowed.isdecimal() and int(allowed) else share


def _words(options: argparse.Namespace) -> list[str]:
    """Return the recipe or the script with its arguments, and take our own options from behind it.

    Raises:
        UsageError: If none is named.
    """
    words = [w for i, w in enumerate(options.command) if i or w != "--"]
    if not words:
        msg = "name a recipe or a script, such as: torchladder ablate recipe.yaml --change mixup=0"
        raise UsageError(msg)
    first, *rest = words
    if first.startswith("-") and not Path(first).exists():
        msg = f"{first} is not an option of torchladder ablate; try: torchladder ablate --help"
        raise UsageError(msg)
    if not Path(first).is_file():
        kind = RECIPES if Path(first).suffix in RECIPES else {".py"}
        folder = Path(first).parent
        near = [str(p) for p in folder.iterdir() if p.suffix in kind] if folder.is_dir() else []
        msg = f"there is no file {first}{nearest(first, near)}"
        raise UsageError(msg)
    behind = Parser(prog="torchladder ablate", add_help=False, allow_abbrev=False)
    _options(behind)
    if Path(first).suffix in RECIPES:
        behind.parse_args(rest, namespace=options)
        rest = []
    elif not options.change:
        ours, mark, theirs = _parted(rest)
        _, rest = behind.parse_known_args(ours, namespace=options)
        rest += theirs if mark else []
    return [first, *rest]


def _parted(words: list[str]) -> tuple[list[str], bool, list[str]]:
    """Return what stands before and behind a ``--``."""
    if "--" not in words:
        return words, False, []
    at = words.index("--")
    return words[:at], True, words[at + 1 :]


def _plan(words: list[str], options: argparse.Namespace, threads: int) -> "Plan":
    """Return the plan of a recipe or a script.

    Raises:
        UsageError: If the options do not fit it.
    """
    first, *arguments = words
    if Path(first).suffix in RECIPES:
        return _recipe_plan(Path(first), options, threads)
    if Path(first).suffix != ".py":
        msg = f"{first} is neither a recipe (.yaml) nor a script (.py)"
        raise UsageError(msg)
    if not options.metric:
        msg = "name what the script prints as its result: --metric val_accuracy finds the last `val_accuracy: 0.93`"
        raise UsageError(msg)
    if options.metric_file and (options.jobs > 1 or options.engine == "ray"):
        msg = "--metric-file needs one run at a time: several would write the same file; leave out --jobs and --engine"
        raise UsageError(msg)
    from torchladder.ablation.scripts import Script, plan_of

    seed = None if options.seed_as.lower() == "none" else options.seed_as.lstrip("-")
    script = Script(Path(first), tuple(arguments), options.metric, options.metric_file, seed)
    return plan_of(script, options.change, seeds=options.seeds, lower=options.lower_is_better, threads=threads)


def _recipe_plan(path: Path, options: argparse.Namespace, threads: int) -> "Plan":
    for name in ("metric_file", "lower_is_better"):
        if getattr(options, name) is not None:
            msg = f"--{name.replace('_', '-')} is for scripts; the metrics of a recipe are known"
            raise UsageError(msg)
    from torchladder.ablation.recipes import plan_of
    from torchladder.training.recipe_file import load

    return plan_of(
        load(path), str(path), options.change, seeds=options.seeds, runs=options.out / "runs", metric=options.metric,
        threads=threads,
    )  # fmt: skip


class Progress:
    """The plan, a line for each run, and what is left, on stderr."""

    def __init__(self, plan: "Plan", options: argparse.Namespace) -> None:
        self._plan, self._options = plan, options
        self._told = False
        self._seconds: list[float] = []
        self._began = 0.0
        self._finished = 0

    def listener(self) -> "Listener":
        """Return who is told how it goes."""
        from torchladder.ablation.study import Listener

        return Listener() if self._options.quiet else Listener(self._begin, self._done)

    def _begin(self, new: int, taken: int) -> None:
        from torchladder.report.text import plural

        self._began = time.monotonic()
        self._finished += taken
        found = f", {taken} of them finished before" if taken else ""
        if self._told:
            _line(f"more seeds where the difference is small: {plural(new + taken, 'run')}{found}")
            return
        self._told = True
        rows, most = len(self._plan.variants), len(self._plan.seeds)
        first = min(2, most)
        later = f", up to {most} where the difference is small" if most > first else ""
        _line(
            f"plan: the baseline and {plural(rows - 1, 'change')}, {plural(first, 'seed')} each{later}: "
            f"{rows * first}{f' to {rows * most}' if later else ''} runs{found}"
        )

    def _done(self, job: "Job", result: "Result", left: int) -> None:
        from torchladder.report.text import clean

        if job.kind == "simple":
            self._began = time.monotonic()
            return
        self._finished += 1
        if not result.ended:
            _line(f"{job.variant}, seed {job.seed}: failed: {result.sentence}")
        else:
            metric = self._plan.metric or result.metric
            value = result.values.get(metric)
            shown = f"{metric} {value:.4g}" if value is not None else f"no {metric}"
            told = f" ({result.told[0]})" if result.told and not self._seconds else ""
            _line(f"{job.variant}, seed {job.seed}: {shown}, {duration(result.seconds)}{clean(told)}")
            self._seconds.append(result.seconds)
            if len(self._seconds) == 1 and left:
                self._estimate(max(time.monotonic() - self._began, result.seconds), left)

    def _estimate(self, seconds: float, left: int) -> None:
        rows, most = len(self._plan.variants), len(self._plan.seeds)
        at_once = self._options.jobs
        low, high = (duration(n * seconds / at_once) for n in (left, max(rows * most - self._finished, left)))
        how = " one after the other" if self._options.engine == "ray" else ""
        _line(f"by this run, the others take about {low if low == high else f'{low} to {high}'}{how}")


def _line(text: str) -> None:
    from torchladder.report.text import clean

    print(f"  {clean(text)}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return a time in its unit."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - two digits
    return f"{seconds / MINUTE:.1f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"
