"""One item through the pipeline, with chosen stages replaced by what they should have returned."""

import copy
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from torchladder.ceiling.declaration import INPUT, Pipeline, Stage, users
from torchladder.core.errors import ProgramError, UsageError

Swapped = frozenset[int]
SEED = 0


class Passes:
    """The end results of every item under every set of swapped stages, each stage run as seldom as that allows.

    A stage gets the same random numbers for an item whatever was swapped before it, so that chance does not look like
    a gain; and copies of its arguments, so that one that writes into them does not spoil the truth.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Begin with nothing run."""
        self.pipeline = pipeline
        self.calls = [0] * len(pipeline.stages)
        self.seconds = [0.0] * len(pipeline.stages)
        self._types: dict[int, type] = {}

    def ends(self, index: int, sets: Iterable[Swapped]) -> dict[Swapped, Any]:
        """Return the last result of one item for each of the sets whose truths the item has."""
        item = self.pipeline.items[index]
        known = {k for k, s in enumerate(self.pipeline.stages) if item.get(s.name) is not None}
        results: dict[tuple[int, Swapped], Any] = {}
        last = len(self.pipeline.stages) - 1
        return {s: self._result(index, last, s, results) for s in sets if s <= known}

    def _result(self, index: int, stage: int, swapped: Swapped, results: dict[tuple[int, Swapped], Any]) -> Any:
        """Return what a stage gives for an item, from the results that it shares with other sets."""
        item = self.pipeline.items[index]
        made = self.pipeline.stages[stage]
        if stage in swapped:
            return item[made.name]
        key = stage, self._told(stage, swapped)
        if key not in results:
            order = [s.name for s in self.pipeline.stages]
            arguments = [
                (
                    name,
                    item[INPUT] if source == INPUT else self._result(index, order.index(source), swapped, results),
                )
                for name, source in made.takes
            ]
            results[key] = self._called(index, stage, made, arguments, key[1])
        return results[key]

    def _told(self, stage: int, swapped: Swapped) -> Swapped:
        """Return the swapped stages that reach a stage: others are hidden behind them."""
        order = [s.name for s in self.pipeline.stages]
        sources = [order.index(name) for _, name in self.pipeline.stages[stage].takes if name != INPUT]
        return frozenset(s for k in sources for s in (frozenset({k}) if k in swapped else self._told(k, swapped)))

    def _called(
        self, index: int, stage: int, made: Stage, arguments: list[tuple[str | None, Any]], swapped: Swapped
    ) -> Any:
        words = [f"the true {self.pipeline.stages[s].name}{self._kind(index, s)}" for s in sorted(swapped)]
        given = f", given {' and '.join(words)}," if words else ""
        seeded(index * len(self.pipeline.stages) + stage)
        copies = [(name, copied(value)) for name, value in arguments]
        started = time.perf_counter()
        with users(f"stage {made.name} on item {index}{given}"):
            found = made.call(*[v for n, v in copies if n is None], **{n: v for n, v in copies if n is not None})
        self.seconds[stage] += time.perf_counter() - started
        self.calls[stage] += 1
        self._types.setdefault(stage, type(found))
        return found

    def _kind(self, index: int, stage: int) -> str:
        """Return how a truth differs in type from what its stage returns, which explains many a failure after it."""
        truth = type(self.pipeline.items[index][self.pipeline.stages[stage].name])
        own = self._types.get(stage)
        return "" if own is None or own is truth else f" (a {truth.__name__}; the stage returns a {own.__name__})"


def seeded(number: int) -> None:
    """Set the random numbers of Python, NumPy and torch (where it is loaded)."""
    random.seed(SEED + number)
    np.random.seed((SEED + number) % 2**32)  # noqa: NPY002 - what stages draw from
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(SEED + number)


def copied(value: Any) -> Any:
    """Return a copy, or the value itself where it cannot be copied (a tensor amid its graph, an open file)."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def judged(pipeline: Pipeline, output: Any, index: int) -> float:
    """Return the figure of one item."""
    with users(f"{pipeline.end}() on item {index}"):
        found = pipeline.judge(output, pipeline.items[index])
    return number(found, f"{pipeline.end}() on item {index}")


def judged_all(judge: Callable[..., Any], outputs: list[Any], items: list[Mapping[str, Any]]) -> float:
    """Return the figure of many items together."""
    with users("metric()"):
        found = judge(outputs, items)
    return number(found, "metric()")


def number(value: Any, what: str) -> float:
    """Return a figure as a float.

    Raises:
        UsageError: If it is no number.
        ProgramError: If it is not finite.
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        msg = f"{what} gave {value!r:.80}, which is not a number"
        raise UsageError(msg) from None
    if not np.isfinite(found):
        msg = f"{what} gave {found}, which cannot be averaged"
        raise ProgramError(msg)
    return found
