"""Finished runs beside a scaling law of others: how far from it a run must lie to be named."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Measurement
from torchladder.core.line_facts import LineFact


@dataclass(frozen=True, slots=True)
class Off:
    """How clear a gap must be.

    Attributes:
        widths: Times the distance from the prediction to the end of its interval.
        spreads: Standard deviations of a single run.
        gap: Share of the prediction.
        reach: Times the largest size that was fitted, beyond which no law is trusted.
    """

    widths: float = 1.5
    spreads: float = 4.0
    gap: float = 0.01
    reach: float = 100.0


OFF = Off()


def beside(facts: Facts, *, above: bool) -> Iterator[LineFact]:
    """Yield the runs that lie clearly above, or clearly below, what the law expects of them."""
    for line in facts.lines or ():
        gap = math.log(line.loss / line.expected)
        end = math.log((line.high if gap > 0 else line.low) / line.expected)
        clear = abs(gap) > max(OFF.widths * abs(end), OFF.spreads * line.spread, OFF.gap)
        if clear and (gap > 0) is above and line.held is not False and line.reach <= OFF.reach:
            yield line


def seen(line: LineFact) -> tuple[Measurement, ...]:
    """Return the evidence."""
    share = line.loss / line.expected - 1
    interval = f"{line.expected:.4g} ({line.low:.4g} to {line.high:.4g}, {line.level:.0%})"
    return (
        Measurement(f"loss of `{line.name}`", float(f"{line.loss:.5g}"), expected=interval),
        Measurement("gap", round(100 * share, 2), "% of the prediction", expected=0),
        Measurement("runs that the law was fitted to", line.runs),
    )
