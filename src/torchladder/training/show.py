"""What a person sees while it trains: what is trained, a line an epoch, a bar on a terminal, the figures at the end."""

import contextlib
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torchladder.report.text import clean
from torchladder.training.measures import BINARY, Measured
from torchladder.training.outcome import CURVE, WEIGHTS, Outcome
from torchladder.training.recipe import Recipe

CLASSES_SHOWN = 20  # rows of a table before the worst are chosen
PAIRS_SHOWN = 3
NAME_WIDTH = 24
INDENT = 12  # columns before the text of a line
WIDTH = 100  # where there is no terminal


class Show(Protocol):
    """Who is told how a training goes."""

    def begin(self, recipe: Recipe, data: Any, parts: Any, told: Sequence[str]) -> None:
        """Take what is trained, and what was inferred."""

    def steps(self, rows: list[tuple[int, dict[str, float]]]) -> None:
        """Take the figures of steps."""

    def epoch(self, place: Any, row: dict[str, float]) -> None:
        """Take the row of an epoch."""

    def say(self, sentence: str) -> None:
        """Take a sentence."""

    def running(self, loop: Any) -> contextlib.AbstractContextManager[None]:
        """Surround the loop."""


class Quiet:
    """Says nothing."""

    def begin(self, recipe: Recipe, data: Any, parts: Any, told: Sequence[str]) -> None:
        """Nothing."""

    def steps(self, rows: list[tuple[int, dict[str, float]]]) -> None:
        """Nothing."""

    def epoch(self, place: Any, row: dict[str, float]) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    def running(self, loop: Any) -> contextlib.AbstractContextManager[None]:
        """Nothing."""
        del loop
        return contextlib.nullcontext()


class Terminal:
    """Lines for people, and a bar where there is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._metric = ""

    def say(self, sentence: str) -> None:
        """Print a line, above the bar if there is one."""
        for line in wrapped(clean(sentence)):
            if self._bar is not None:
                self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                print(line, flush=True)  # noqa: T201 - the verb's output

    def begin(self, recipe: Recipe, data: Any, parts: Any, told: Sequence[str]) -> None:
        """Print what is trained."""
        sides = f"{len(data.train):,} to learn from, {len(data.val):,} held out"
        sides += f", {len(data.test):,} to test" if data.test is not None else ""
        labels = f"{len(data.targets.classes)} classes" if data.targets.classes else "values"
        self.say(f"  data      {data.shape.kind} {list(data.shape.sample)}, {labels}; {sides}")
        for words in told:
            self.say(f"            {words}")
        share = parts.trainable / max(parts.parameters, 1)
        what = f"{parts.parameters:,} parameters ({number(parts.bytes, 'B')}), {100 * share:.1f} % learn"
        work = f"; {number(parts.work, 'multiply-adds')} a sample" if parts.work else ""
        outputs = f"{list(parts.outputs)} outputs for {parts.outputs[0]} samples"
        self.say(f"  model     {parts.model.name}: {what}{work}; {outputs}")
        o, t = recipe.optimizer, recipe.training
        steps = f"{t.epochs} epochs of {parts.order.steps:,} steps"
        batch = f"{t.batch_size} samples" + (f" x {t.accumulate}" if t.accumulate > 1 else "")
        warm = f", {parts.schedule.warm:,} steps of warm-up" if parts.schedule.warm else ""
        self.say(f"  training  {steps}, {batch} a step; {o.name}, lr {o.lr:g}, {o.schedule}{warm}; seed {recipe.seed}")

    def steps(self, rows: list[tuple[int, dict[str, float]]]) -> None:
        """Move the bar."""
        if self._bar is not None and rows:
            step, values = rows[-1]
            self._bar.update(self._task, completed=step + 1, words=f"loss {values['loss']:.4g}")

    def epoch(self, place: Any, row: dict[str, float]) -> None:
        """Print the line of an epoch."""
        best = "  best" if place.stale == 0 else ""
        name = self._metric
        figures = (
            f"loss {row['train/loss']:.4f}   held out: loss {row['val/loss']:.4f}, {name} {row[f'val/{name}']:.4f}"
        )
        self.say(f"  epoch {int(row['epoch']):>3}   {figures}   {row['seconds']:.1f} s{best}")

    @contextlib.contextmanager
    def running(self, loop: Any) -> Iterator[None]:
        """Show a bar while the loop runs, where there is a terminal."""
        self._metric = loop.metric
        if not sys.stdout.isatty():
            yield
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("  steps"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, transient=True) as bar:
            self._bar = bar
            self._task = bar.add_task("steps", total=loop.parts.schedule.total, completed=loop.place.step, words="")
            try:
                yield
            finally:
                self._bar = None


def number(value: float, unit: str) -> str:
    """Return a large number in a few digits: "19.2 kB", "1.3 M multiply-adds"."""
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return (
                f"{value / 10**power:.3g} {letter}{unit}" if unit == "B" else f"{value / 10**power:.3g} {letter} {unit}"
            )
    return f"{value:.3g} {unit}"


def width() -> int:
    """Return the columns of the terminal."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def wrapped(line: str) -> list[str]:
    """Return a line as several where it is wider than the terminal, the later ones below its text."""
    if len(line) <= width():
        return [line]
    return textwrap.wrap(line, max(width(), INDENT + 20), subsequent_indent=" " * INDENT, drop_whitespace=True)


def lines(made: Outcome) -> list[str]:
    """Return the lines of a training's figures."""
    return [part for line in _lines(made) for part in (wrapped(line) if line else [line])]


def _lines(made: Outcome) -> list[str]:
    out = [""]
    out += _figures("held out", made.val, f"best {made.metric} after epoch {made.best_epoch} of {made.epochs}")
    out += _classes(made.val) + _confusion(made.val) + _trust(made)
    if made.test is not None:
        out += _figures("test", made.test, "looked at once, with the best weights")
    out += [f"  note      {clean(n)}" for n in made.notes]
    if made.folder is not None:
        out += [
            "",
            f"  run       {made.folder}",
            f"            {WEIGHTS}, {CURVE}, result.json, recipe.yaml, checkpoints/",
        ]
    return out


def _figures(name: str, figures: Measured, words: str) -> list[str]:
    shown = {k: v for k, v in figures.values.items() if k != "calibration_error"}
    return [f"  {name:<9} {', '.join(f'{k} {v:.4g}' for k, v in shown.items())}; {words}"]


def _classes(figures: Measured) -> list[str]:
    """Return the table of the classes, the worst ones where they are many."""
    rows = figures.classes
    if not rows:
        return []
    chosen = rows if len(rows) <= CLASSES_SHOWN else sorted(rows, key=lambda r: r["recall"])[:CLASSES_SHOWN]
    head = f"            {'class':<{NAME_WIDTH}} {'samples':>8} {'precision':>10} {'recall':>8} {'f1':>8}"
    if len(chosen) < len(rows):
        head += f"   (the {len(chosen)} with the least recall of {len(rows)})"
    table = [
        f"            {clean(r['class'])[:NAME_WIDTH]:<{NAME_WIDTH}} {r['samples']:>8,} {r['precision']:>10.3f} "
        f"{r['recall']:>8.3f} {r['f1']:>8.3f}"
        for r in chosen
    ]
    return [head, *table]


def _confusion(figures: Measured) -> list[str]:
    """Return the confusion of a few classes as a table, and the largest confusions."""
    names = [clean(r["class"]) for r in figures.classes]
    wrong = [(n, i, j) for i, row in enumerate(figures.confusion) for j, n in enumerate(row) if i != j and n]
    if not names:
        return []
    out = []
    wide = max(4, 1 + max(len(f"{n:,}") for row in figures.confusion for n in row))
    start = "  confusion"
    if INDENT + NAME_WIDTH + 1 + wide * len(names) <= width():
        out.append(f"{start} true class by row, predicted class by column")
        for name, row in zip(names, figures.confusion, strict=True):
            out.append(f"            {name[:NAME_WIDTH]:<{NAME_WIDTH}} {''.join(f'{n:>{wide},}' for n in row)}")
        start = " " * (INDENT - 1)
    worst = sorted(wrong, key=lambda found: (-found[0], found[1:]))[:PAIRS_SHOWN]
    if worst:
        out.append(f"{start} most: " + ", ".join(f"{n:,} {names[i]} taken for {names[j]}" for n, i, j in worst))
    return out


def _trust(made: Outcome) -> list[str]:
    """Return the lines on calibration and threshold."""
    if made.temperature is None:
        return []
    error = made.val.values["calibration_error"]
    sure = "too sure" if made.temperature > 1 else "not sure enough"
    words = f"  trust     confidence is off by {100 * error:.1f} points on average; "
    out = [words + f"temperature {made.temperature:.2f} fits best ({sure})"]
    if made.threshold is not None and len(made.val.classes) == BINARY:
        at, f1 = made.threshold
        name = clean(made.val.classes[1]["class"])
        out.append(f"            `{name}` from probability {at:.3f} on has the best F1 here, {f1:.3f}")
    return out
