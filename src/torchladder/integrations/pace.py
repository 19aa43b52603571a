"""How much of a fast run a tracker is given, and the words in which it is told of a finding."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from torchladder.core.findings import Finding

RATE = 50.0  # rows a second; at 0.1 ms a row, what trackers cost, half a per cent of one core
BURST = 1000.0  # rows that may come at once: losses are read from a device many at a time

Row = tuple[int, Mapping[str, float]]


class Pace:
    """Thins out the steps of a run that is faster than ``RATE``; rows with NaN or Inf always pass.

    The run's folder has every step. TensorBoard and W&B draw about a thousand points of a curve, however many it has.
    What passes is spread over the steps, also when many rows come at once, as when a tracker was slow before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._credit, self._seen = BURST, clock()
        self._held: Row | None = None

    def thin(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that pass."""
        now = self._clock()
        self._credit = min(BURST, self._credit + RATE * (now - self._seen))
        self._seen = now
        return [row for row in rows if self._passes(row)]

    def rest(self) -> list[Row]:
        """Return the last row if it did not pass: a curve ends where the run does."""
        return [] if self._held is None else [self._held]

    def _passes(self, row: Row) -> bool:
        step, values = row
        passes = any(v - v != 0 for v in values.values())
        if not passes and self._credit >= 1:
            # Every second row when half of the credit is spent, every fourth when three quarters are, and so on.
            stride = 1 << int(math.log2(BURST / self._credit))
            passes = step % stride == 0
            self._credit -= passes
        self._held = None if passes else row
        return passes


def told(finding: Finding) -> str:
    """Return a finding as one line: what, and where."""
    where = f" ({finding.where[0]})" if finding.where else ""
    module = f" in {finding.module}" if finding.module else ""
    return f"{finding.severity.value}[{finding.code}] {finding.name}: {finding.message}{module}{where}"
