"""The figure to report for labels like these, and the number that it has to beat: a line, no check."""

from collections.abc import Sequence
from typing import Any

from torchladder.core.facts import Facts
from torchladder.core.metric_advice import advise
from torchladder.inspection.fold import Side
from torchladder.inspection.line import Line
from torchladder.sets.block import Block


class Metric:
    """A fold that keeps nothing: what it needs others have counted."""

    name = "metric"
    version = 1

    def begin(self) -> None:
        """Return no state."""

    def add(self, state: None, block: Block) -> None:
        """Keep nothing."""

    def join(self, first: None, second: None) -> None:
        """Keep nothing."""

    def facts(self, sides: Sequence[Side], states: Sequence[None]) -> dict[str, Any]:  # noqa: ARG002
        """Return no facts."""
        return {}

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return the figure to report."""
        labels = next((s.labels for s in facts.sets or ()), None)
        if labels is None:
            return ()
        advice = advise("classes", labels.counts) if labels.classes else advise("values")
        return (Line("figure to report", (), advice.words(), None),)
