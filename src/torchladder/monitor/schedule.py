"""When to sample, so that the monitor stays within its share of the run's time.

Time spent and time passed are measured as the run goes; a sample is taken when it is due and when what it
is expected to cost fits into the share. The first steps are sampled whatever they cost: that debt is paid back
by waiting.
"""

import time

from torchladder.monitor.settings import Settings

CLOSE_STEPS = 100  # steps for which a run is sampled more often after an alert
MIDDLE = 200  # steps until which samples are five times as frequent as later
PATIENCE = 100  # steps after which the budget is asked again
RARELY = 0.1  # of the share that samples may always take
LEARN = 0.3  # weight of the latest sample in the expected cost of the next


class Schedule:
    """Decides, step by step; all times are in seconds of ``clock``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = time.perf_counter
        self.began = self.clock()
        self.spent = 0.0
        self.expected = 0.0
        self.last, self.last_time = -1, self.began
        self.close_until = 0
        self.samples = 0
        self._next = 0  # the step before which none is due

    @property
    def elapsed(self) -> float:
        """Seconds since the first step that was seen."""
        return self.clock() - self.began

    @property
    def cost(self) -> float:
        """Share of the time so far that was the monitor's own."""
        return self.spent / max(self.elapsed, 1e-9)

    def begin(self) -> None:
        """Start the clock: what was before the first step was no training."""
        self.began, self.spent = self.clock(), 0.0

    def add(self, seconds: float) -> None:
        """Count time of the monitor's own."""
        self.spent += seconds

    def sampled(self, step: int, seconds: float) -> None:
        """Note a sample and what it cost."""
        self.last, self.last_time = step, self.clock()
        self.samples += 1
        self.expected = seconds if self.samples == 1 else LEARN * seconds + (1 - LEARN) * self.expected

    def come_closer(self, step: int) -> None:
        """Look more often for a while: something is wrong."""
        self.close_until = step + CLOSE_STEPS
        self._next = step

    def ask_at(self, step: int) -> int:
        """Return the first step after this one at which a sample may be due; one the budget lacks for waits longer."""
        return self._next if self._next > step else step + PATIENCE

    def due(self, step: int) -> bool:
        """Tell whether a step shall be sampled."""
        if step < self._next:
            return False
        if step < self.settings.dense_steps:
            return True
        if step < self.close_until:
            every = self.settings.close
        elif step < MIDDLE:
            every = max(self.settings.every // 5, 1)
        else:
            every = self.settings.every
        if step - self.last < every:
            self._next = self.last + every
            return False
        share = self.settings.overhead
        # Where every step is so short that the doors alone take the share, a run is still looked at now and then.
        rarely = self.expected <= RARELY * share * (self.clock() - self.last_time)
        return rarely or self.spent + self.expected <= share * self.elapsed
