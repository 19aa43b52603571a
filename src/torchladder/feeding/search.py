"""A short search: settings are tried on the loader itself, round by round so that a busy moment meets all of them."""

import statistics
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from torch.utils.data import DataLoader

from torchladder.core.feeding_facts import TrialOfSetting
from torchladder.feeding.candidates import Options, further, singles
from torchladder.feeding.passes import Pass, drawn
from torchladder.feeding.settings import with_settings

ROUNDS = 3
FIRST_SHARE = 0.75  # of the seconds go to single changes
LEAST_SECONDS = 0.4  # of a trial; with less time, fewer settings are tried
NO_BETTER = 0.95  # share of the present seconds from which on nothing further is tried on top


@dataclass
class Trial:
    """One setting under trial."""

    options: Options
    loader: DataLoader[Any]
    workers: int
    stays: bool  # whether its workers outlive a pass
    begun: bool = False
    rounds: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    failed: str | None = None

    def fact(self) -> TrialOfSetting:
        """Return its row."""
        median = statistics.median(self.rounds) if self.rounds and self.failed is None else None
        return TrialOfSetting(self.options, median, tuple(self.rounds), tuple(self.numbers), self.failed)


@dataclass
class Search:
    """Everything that was tried on a loader; ``n`` batches make a pass, which takes ``seconds`` as it is."""

    loader: DataLoader[Any]
    cores: int
    n: int | None
    seconds: float | None
    gpu: bool = False
    trials: list[Trial] = field(default_factory=list)

    def run(self, budget: float) -> Generator[Any, None, None]:
        """Hand out batches under one setting after the other, for about so many seconds."""
        self.trials = [self._trial({})]
        wanted = singles(self.loader, self.cores, self.seconds, gpu=self.gpu)
        room = max(int(FIRST_SHARE * budget / (2 * LEAST_SECONDS)) - 1, 2)
        first = [self.trials[0], *(self._trial(o) for o in wanted[:room])]
        self.trials = first
        yield from self._rounds(first, FIRST_SHARE * budget)
        best = self._best(first[1:])
        if best is None:
            return
        second = [self._trial(o) for o in further(self.loader, best.options, self.seconds, gpu=self.gpu)]
        second = [t for t in second if t.options not in [x.options for x in first]]
        if second:
            self.trials += second
            yield from self._rounds([self.trials[0], best, *second], (1 - FIRST_SHARE) * budget, ROUNDS)

    def facts(self) -> tuple[TrialOfSetting, ...]:
        """Return one row a setting that was tried, the present one first."""
        return tuple(t.fact() for t in self.trials if t.rounds or t.failed)

    def _trial(self, options: Options) -> Trial:
        made = with_settings(self.loader, options)
        return Trial(options, made, int(made.num_workers), bool(made.persistent_workers))

    def _best(self, trials: list[Trial]) -> Trial | None:
        """Return the setting that does best, where it does better than the present one."""
        done = [t for t in trials if t.failed is None and t.rounds]
        base = self.trials[0].fact().seconds
        best = min(done, key=lambda t: statistics.median(t.rounds), default=None)
        if best is None or base is None or statistics.median(best.rounds) > NO_BETTER * base:
            return None
        return best

    def _rounds(self, trials: list[Trial], budget: float, start: int = 0) -> Generator[Any, None, None]:
        """Try each in turn, and all again; the order is turned round each time. Rounds are numbered from ``start``."""
        until = time.perf_counter() + budget
        for number in range(ROUNDS):
            left = until - time.perf_counter()
            if number and left < LEAST_SECONDS * len(trials):
                return
            seconds = max(left / (ROUNDS - number) / len(trials), LEAST_SECONDS / 2)
            for trial in trials if number % 2 == 0 else reversed(trials):
                if trial.failed is None:
                    yield from self._once(trial, seconds, start + number)

    def _once(self, trial: Trial, seconds: float, number: int) -> Generator[Any, None, None]:
        """Draw passes for so long, one at least."""
        until = time.perf_counter() + seconds
        seen: list[Pass] = []
        try:
            if trial.stays and not trial.begun:  # the first start of workers that stay is no part of a pass
                trial.begun = True
                yield from drawn(trial.loader.__iter__, trial.workers, seconds=seconds / 2)
            while not seen or (time.perf_counter() < until and seen[-1].whole):
                left = max(until - time.perf_counter(), 0.0)
                one = yield from drawn(trial.loader.__iter__, trial.workers, seconds=left)
                if not one.batches:
                    break
                seen.append(one)
        except Exception as error:
            trial.failed = said(error)
            return
        if seen:
            trial.rounds.append(statistics.median(p.per_batch(self.n) for p in seen))
            trial.numbers.append(number)


def said(error: BaseException) -> str:
    """Return what an exception says, in one line; of one from a worker process, what its own said."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Caught "):
        return lines[-1][:300]
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")[:300]
