"""``torchladder train``: a training by a recipe, the ladder before it and the monitor beside it."""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.cli.climb import Progress, seconds
from torchladder.cli.main import Parser, say
from torchladder.core.errors import UsageError

if TYPE_CHECKING:
    from torchladder.core.report import Report
    from torchladder.training.recipe import Recipe

LADDER_S = 120.0


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``train``."""
    made = Parser(
        prog="torchladder train",
        usage="%(prog)s [options] RECIPE.yaml\n       %(prog)s [options] --data FOLDER\n"
        "       %(prog)s [options] --resume RUN",
        description="Train by a recipe: the ladder's rungs 1 to 5 first, then the run under watch, then its figures.",
        epilog="--data infers the task, the label and a model, and writes the recipe it used. Several processes: "
        "torchrun --nproc-per-node 2 -m torchladder train RECIPE.yaml, or accelerate launch. Exit status: 0 trained, "
        "1 the ladder found the recipe broken or the loss became NaN, 2 usage, 3 the user's model or data failed, 4 "
        "torchladder failed.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("recipe", nargs="?", type=Path, metavar="RECIPE.yaml", help="what to train, and how")
    add("--data", metavar="FOLDER", help="train on this with an inferred recipe; a file will do, too")
    add(
        "--change", action="append", default=[], metavar="KEY=VALUE",
        help="change the recipe: mixup=0, training.epochs=3; the last part of a key is enough where it is unique",
    )  # fmt: skip
    add("--resume", metavar="RUN", help="go on with a run that was stopped or killed, bit for bit (its name or folder)")
    add("--out", type=Path, default=Path(".torchladder", "runs"), metavar="DIR", help="where runs are kept")
    add("--no-ladder", action="store_true", help="do not climb the ladder first")
    add("--budget", type=seconds, default=LADDER_S, metavar="TIME", help="of the ladder: 90, 90s, 2m (120)")
    add("--no-watch", action="store_true", help="do not watch the run")
    add("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    add("--force", action="store_true", help="let --json overwrite a file that is no earlier result")
    add("-q", "--quiet", action="store_true", help="print nothing but errors")
    return made


def run(options: argparse.Namespace) -> int:
    """Train, report, and return the exit status."""
    _check_json(options)
    recipe, command, resume, name = _recipe(options)
    from torchladder.training import outcome
    from torchladder.training.show import Quiet, Terminal, lines
    from torchladder.training.train import Broken, Options, train

    progress = Progress(quiet=options.quiet)
    how = Options(
        runs=options.out,
        ladder=0.0 if options.no_ladder else options.budget,
        resume=resume,
        watch=not options.no_watch,
        command=command,
        name=name,
        show=Quiet() if options.quiet else Terminal(),
        progress=progress,
        on_ladder=lambda report: _rungs(report, progress, quiet=options.quiet),
    )
    try:
        made = train(recipe, how)
    except Broken as broken:
        return _broken(broken.report, options)
    finally:
        progress.clear()
    if options.json and made.run:  # of several processes one writes
        try:
            outcome.write_json(options.json, made.as_json())
        except OSError as error:
            made.lost.append(f"--json {options.json} was not written ({error.strerror or error})")
    if not options.quiet and made.run:
        print("\n".join(lines(made)))
    for words in made.lost:
        print(f"torchladder: {words}", file=sys.stderr)
    return UsageError.exit_status if made.lost else 0


def _recipe(options: argparse.Namespace) -> "tuple[Recipe, list[str], Path | None, str]":
    """Return the recipe, the command that trains by it again, the run to go on with, and what to call the run.

    Raises:
        UsageError: If not exactly one of recipe, data and run is named.
    """
    given = [options.recipe is not None, options.data is not None, options.resume is not None]
    if sum(given) != 1:
        what = "name a recipe, such as: torchladder train recipe.yaml" if not any(given) else "name only one of them"
        msg = f"{what} (or --data FOLDER, or --resume RUN)"
        raise UsageError(msg)
    from torchladder.runs.command import CONFIG
    from torchladder.training import recipe_file
    from torchladder.training.advice import rate_advice

    command = ["train", CONFIG]
    if options.resume is not None:
        if options.change:
            msg = "--resume goes on exactly as before; changes make another run: name the recipe instead"
            raise UsageError(msg)
        folder = _run_folder(options.resume, options.out)
        return recipe_file.load(folder / "recipe.yaml"), command, folder, f"{folder.name} resumed"
    if options.data is not None:
        from torchladder.training.inference import inferred

        base = inferred(options.data)
        name = Path(options.data).name or "train"
    else:
        base = recipe_file.load(options.recipe)
        name = options.recipe.stem
    recipe = recipe_file.changed(base, options.change)
    advice = rate_advice(base, recipe)
    if advice is not None and not options.quiet:
        say(advice)
    return recipe, command, None, name


def _run_folder(name: str, runs: Path) -> Path:
    """Return the folder of a run that is named by its folder or its name.

    Raises:
        UsageError: If there is none.
    """
    from torchladder.cli.main import nearest

    for folder in (Path(name), runs / name):
        if (folder / "recipe.yaml").is_file():
            return folder
    known = sorted(p.parent.name for p in runs.glob("*/recipe.yaml"))
    hint = nearest(name, known) or (f"; the latest: {known[-1]}" if known else "")
    msg = f"there is no run {name} that was made by a recipe{hint}"
    raise UsageError(msg)


def _rungs(report: "Report", progress: Any, *, quiet: bool) -> None:
    """Print a line a rung."""
    progress.clear()
    if quiet or report.verdict == "broken":  # which is shown as a whole
        return
    from torchladder.core.report import State
    from torchladder.report.text import clean
    from torchladder.training.show import wrapped

    for rung in report.rungs:
        state = rung.state.value.upper() if rung.state is State.FAILED else rung.state.value
        print("\n".join(wrapped(f"  {rung.rung} {rung.name:<13} {state:<8} {clean(rung.summary)}")), flush=True)


def _broken(report: "Report", options: argparse.Namespace) -> int:
    """Show why the recipe is not trained by."""
    from torchladder.cli.climb import save_record
    from torchladder.report.terminal import show

    where = f"repair {report.cause.where[0]}" if report.cause is not None and report.cause.where else "repair it"
    saved = save_record(dataclasses.replace(report, next=f"{where}, then train again"))
    if not options.quiet:
        show(saved)
    print(
        "torchladder: the training was not begun, since the ladder broke; --no-ladder trains all the same",
        file=sys.stderr,
    )
    return 1


def _check_json(options: argparse.Namespace) -> None:
    """Complain about --json before anything has cost time.

    Raises:
        UsageError: If the file cannot be written, or is something else.
    """
    path = options.json
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        msg = (
            f"--json {path} is a folder" if path.is_dir() else f"--json {path}: the folder {path.parent} does not exist"
        )
        raise UsageError(msg)
    if (
        path.exists()
        and not options.force
        and '"parameter_sum"' not in path.read_text(encoding="utf-8", errors="replace")
    ):
        msg = f"{path} is no earlier result of a training; --force overwrites it"
        raise UsageError(msg)
