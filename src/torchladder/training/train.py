"""A training from its recipe to what it leaves: the ladder, then the loop under watch, then the best weights."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchladder.checkpoints.randomness import seed_everything
from torchladder.checkpoints.store import Checkpoints, Loaded
from torchladder.checkpoints.weights import write_weights
from torchladder.core.errors import UsageError
from torchladder.core.jsonable import to_json
from torchladder.core.report import Report
from torchladder.runs.command import CONFIG
from torchladder.runs.fingerprint import fingerprint
from torchladder.runs.record import Record, begin
from torchladder.training import curve, outcome
from torchladder.training.fit import misfit
from torchladder.training.loop import Loop
from torchladder.training.machine import machine
from torchladder.training.measures import best_threshold, temperature
from torchladder.training.outcome import Outcome
from torchladder.training.parts import Parts, parts_of
from torchladder.training.place import Diverged, Listener
from torchladder.training.recipe import Recipe
from torchladder.training.recipe_file import written
from torchladder.training.sets_ready import Ready, fit_of, ready
from torchladder.training.show import Quiet, Show
from torchladder.training.sides import Sides, read_sides

CHECKPOINTS = "checkpoints"
BINARY = 2


class Broken(UsageError):  # noqa: N818 - reads as what happened
    """The ladder found the recipe broken."""

    exit_status = 1

    def __init__(self, report: Report) -> None:
        super().__init__(report.sentence)
        self.report = report


@dataclass
class Options:
    """How a training is made, apart from the recipe.

    Attributes:
        runs: Folder of all runs.
        ladder: Whether the ladder is climbed first, and in how many seconds.
        resume: Folder of the run to go on with.
        watch: Whether the monitor runs along.
        command: Words after ``torchladder`` that make the run again.
        name: Of the run.
        show: Who is told how it goes.
        progress: Called with what the ladder is doing.
        on_ladder: Called with the ladder's report.
    """

    runs: Path = Path(".torchladder", "runs")
    ladder: float = 0.0
    resume: Path | None = None
    watch: bool = True
    command: Sequence[str] = ("train", CONFIG)
    name: str = "train"
    show: Show = field(default_factory=Quiet)
    progress: Callable[[str], None] = lambda _words: None
    on_ladder: Callable[[Report], None] = lambda _report: None


def train(recipe: Recipe, options: Options) -> Outcome:
    """Train by a recipe.

    Raises:
        UsageError: If the recipe and its data do not fit, or the loss is no number any more.
        Broken: If the ladder found a broken rung.
    """
    seeds = seed_everything(recipe.seed, deterministic=recipe.training.deterministic)
    leads = int(os.environ.get("RANK", "0")) == 0
    show = options.show if leads else Quiet()
    before = _loaded(options.resume) if options.resume is not None else None
    sides = read_sides(recipe.data, fit_of(recipe))
    data = ready(recipe, sides)
    sides.let_go()
    parts = parts_of(recipe, data)
    show.begin(recipe, data, parts, [*sides.told, *data.told, *parts.model.told, *seeds.notes])
    warning = misfit(recipe, data, parts.model.module) if leads else None
    if warning is not None:
        show.say(f"  {warning}")
    report = None
    if options.ladder and leads and before is None:
        report = _ladder(recipe, data, parts, options)
    where = machine(recipe.training)
    for words in where.told:
        show.say(f"  note      {words}")
    if where.world > 1:
        seed_everything(recipe.seed + where.rank, deterministic=recipe.training.deterministic)
    record = _record(recipe, sides, options) if where.first else None
    folder = record.folder if record is not None else None
    if folder is not None:
        show.say(f"  recipe    {folder / outcome.RECIPE}")
    store = Checkpoints(folder / CHECKPOINTS) if folder is not None else None
    loop = Loop(recipe, data, parts, where, store, _listener(record, show))
    if record is not None and report is not None:
        record.note("ladder", to_json(report))
    if before is not None:
        notes = [*before.notes, *loop.resume(before.state), *_carried(options.resume, store, before)]
        for note in dict.fromkeys(notes):  # the last one may be the best one, too
            show.say(note)
        show.say(f"going on after step {loop.place.step:,}, in epoch {loop.place.epoch + 1}")
    made = _made(data, loop, record, options, show)
    where.accelerator.end_training()
    return made


def _ladder(recipe: Recipe, data: Ready, parts: Parts, options: Options) -> Report:
    from torchladder.training.ladder import climbed

    report = climbed(recipe, data, parts, options.ladder, options.progress)
    options.on_ladder(report)
    if report.verdict == "broken":
        raise Broken(report)
    return report


def _loaded(run: Path) -> Loaded:
    """Return the last checkpoint of a run.

    Raises:
        UsageError: If it has none.
    """
    found = Checkpoints(run / CHECKPOINTS).load("last")
    if found is None:
        msg = f"{run} holds no checkpoint to go on from"
        raise UsageError(msg)
    return found


def _carried(run: Path | None, store: Checkpoints | None, last: Loaded) -> list[str]:
    """Take the best checkpoint along into the new run's folder, so that it is whole by itself."""
    if store is None or run is None:
        return []
    best = Checkpoints(run / CHECKPOINTS).load("best") if last.state["place"]["best"] is not None else None
    if best is not None:
        store.save(best.state, step=best.step, best=True)
    if best is None or best.step != last.step:
        store.save(last.state, step=last.step)
    return best.notes if best is not None else []


def _record(recipe: Recipe, sides: Sides, options: Options) -> Record:
    """Begin the record, with the recipe beside it.

    Raises:
        UsageError: If there is no room for it.
    """
    data: dict[str, Any] = {"split_seed": recipe.data.split_seed, "held_out": len(sides.val)}
    for role in ("train", "val", "test"):
        name = getattr(recipe.data, role)
        if name is not None and Path(name).exists():
            data[role] = fingerprint([Path(name)])
        elif role in sides.fingerprints:
            data[role] = {"sha256": sides.fingerprints[role]}
    record = begin(
        "train", config=recipe.model_dump(), data=data, seed=recipe.seed, command=options.command,
        folder=options.runs, name=options.name,
    )  # fmt: skip
    if record.folder is not None:
        try:
            (record.folder / outcome.RECIPE).write_text(written(recipe), encoding="utf-8")
        except OSError as error:
            record.end("crashed", f"the recipe could not be written: {error.strerror or error}")
            msg = f"{record.folder} cannot be written ({error.strerror or error}); --out names another place for runs"
            raise UsageError(msg) from None
        if options.resume is not None:
            record.note("resumed", {"from": str(options.resume)})
    return record


def _listener(record: Record | None, show: Show) -> Listener:
    def steps(rows: list[tuple[int, dict[str, float]]]) -> None:
        if record is not None:
            record.steps(rows)
        show.steps(rows)

    def epoch(place: Any, row: dict[str, float]) -> None:
        if record is not None:
            record.metric(place.step, {k: v for k, v in row.items() if k not in {"epoch", "seconds"}})
        show.epoch(place, row)

    def checksum(step: int, words: str) -> None:
        if record is not None:
            record.parameters(step, words)

    def say(sentence: str) -> None:
        if isinstance(show, Quiet) and record is not None:
            print(sentence, file=sys.stderr)  # noqa: T201 - what failed is said in any case
        show.say(sentence)

    return Listener(steps=steps, epoch=epoch, checksum=checksum, say=say)


def _made(data: Ready, loop: Loop, record: Record | None, options: Options, show: Show) -> Outcome:
    """Run the loop under watch, judge the best weights, and close the record however it ends."""
    began = time.monotonic()
    try:
        with _watched(record, options), show.running(loop):
            loop.run()
        made, outputs = _judged(data, loop, time.monotonic() - began)
    except BaseException as error:
        if record is not None:
            stopped = isinstance(error, KeyboardInterrupt)
            record.end(
                "interrupted" if stopped else "crashed", " ".join(str(error).split())[:300] or type(error).__name__
            )
            if (stopped or isinstance(error, Diverged)) and record.folder is not None:
                show.say(f"what was done is kept: torchladder train --resume {record.id}")
        raise
    if record is not None:
        made.run, made.folder = record.id, str(record.folder) if record.folder is not None else None
        _leave(data, loop, record, made, outputs)
        value = f"{made.best:.4g}" if made.best is not None else "unknown"
        record.end("ended", f"held-out {made.metric} {value} after epoch {made.best_epoch} of {made.epochs}")
    return made


def _watched(record: Record | None, options: Options) -> Any:
    if not options.watch or record is None:
        return contextlib.nullcontext()
    from torchladder.monitor.watch import Watch

    return Watch(folder=None, to=[record.sink()], name=options.name, quiet=isinstance(options.show, Quiet))


def _judged(data: Ready, loop: Loop, seconds: float) -> tuple[Outcome, Any]:
    """Evaluate the best weights on the held-out side, whose outputs are returned, and on the test side once."""
    from torchladder.checkpoints.checksum import of_tensors

    total = of_tensors(loop.bare.parameters())
    state, notes = _best(loop)
    if loop.machine.world > 1:
        state = loop.machine.gathered(state)[0]
    if state is not None:
        loop.weights(state)
    figures, outputs = loop.evaluate()
    made = Outcome(
        state="ended", metric=loop.metric, best=loop.place.best, best_epoch=loop.place.best_epoch + 1,
        epochs=len(loop.place.history), steps=loop.place.step, seconds=seconds, history=loop.place.history, val=figures,
        parameter_sum=total, notes=notes,
    )  # fmt: skip
    truth = data.val.y.numpy()
    threshold = None
    if data.targets.classes:
        made.temperature = temperature(outputs, truth)
        if len(data.targets.classes) == BINARY and (truth == 1).any():
            made.threshold = best_threshold(outputs, truth)
            threshold = made.threshold[0]
    if data.test is not None:
        made.test, _ = loop.evaluate(data.test, threshold)
    return made, outputs


def _best(loop: Loop) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the state with the best weights, None where the last ones must do, and what is to be said of it."""
    found = loop.store.load("best") if loop.store is not None else None
    if found is not None:
        place = found.state["place"]
        if (place["best_epoch"], place["epoch"], place["batch"]) == (loop.place.best_epoch, place["best_epoch"] + 1, 0):
            return found.state, list(found.notes)
    lost = f"the weights of epoch {loop.place.best_epoch + 1} could not be kept: these are the figures of the last ones"
    return None, [lost] * loop.machine.first


def _leave(data: Ready, loop: Loop, record: Record, made: Outcome, outputs: Any) -> None:
    """Write what is left beside the record; what could not be written is told of in ``made.lost``."""
    folder = record.folder
    if folder is None:
        return
    module = loop.average.module if loop.average is not None else loop.bare
    classes, truth = data.targets.classes, data.val.y.numpy()
    told = {"model": loop.parts.model.name, "classes": "\n".join(classes)}
    # The weights come last but for the picture: where the disk is full, the small files fit.
    files: dict[str, Callable[[Path], Any]] = {
        outcome.PREPARATION: lambda path: outcome.write_json(path, data.preparation),
        outcome.RESULT: lambda path: outcome.write_json(path, made.as_json()),
        outcome.PREDICTIONS: lambda p: outcome.write_predictions(p, data.val.names, classes, truth, outputs),
        outcome.WEIGHTS: lambda path: write_weights(path, module.state_dict(), told),
        outcome.CURVE: lambda path: curve.draw(made.history, made.metric, made.best_epoch, path),
    }
    for file, write in files.items():
        try:
            write(folder / file)
        except ImportError as error:
            print(f"torchladder: no curve was drawn: {error}", file=sys.stderr)  # noqa: T201 - for people
        except (OSError, UsageError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            made.lost.append(f"{folder / file} was not written ({why})" if why else str(error))
            (folder / file).unlink(missing_ok=True)  # half a file is worse than none
    record.note("figures", {"val": made.val.values, "classes": made.val.classes, "confusion": made.val.confusion})
