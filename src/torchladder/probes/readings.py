"""How outputs are read outside training: comparisons with a number between 0 and 1."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from torchladder.core.findings import Place
from torchladder.core.loop_facts import ReadingFact
from torchladder.probes.interceptor import Call

if TYPE_CHECKING:
    from torchladder.probes.session import Session

COMPARISONS = {"gt", "ge", "lt", "le"}
CALLS_MAX = 60
LINES_MAX = 20


@dataclass
class Line:
    """One comparing line."""

    function: str
    threshold: float
    calls: int = 0
    values: int = 0
    outside: int = 0
    between: int = 0
    low: float = math.inf
    high: float = -math.inf


class Readings:
    """Looks at comparisons of what a model returned."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.lines: dict[Place, Line] = {}
        self.evaluations: Any = None

    def install(self) -> None:
        """Listen to calls."""
        self.evaluations = self.session.probes["evaluations"]
        self.session.interceptor.listeners.append(self)

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Note a comparison of outputs with a number between 0 and 1, or their rounding."""
        name = call.name.strip("_")
        if (name not in COMPARISONS and name != "round") or not call.args or self.session.modules.stack:
            return
        values = call.args[0]
        threshold = 0.5 if name == "round" else call.args[1] if len(call.args) > 1 else None
        if not isinstance(values, torch.Tensor) or not isinstance(threshold, float) or not 0.0 < threshold < 1.0:
            return
        opened = self.evaluations.open
        if opened is None or opened.grad or not values.is_floating_point() or not values.numel():
            return
        if not self._is_output(values, opened) or call.place is None:
            return
        line = self.lines.get(call.place)
        if line is None and len(self.lines) < LINES_MAX:
            line = self.lines[call.place] = Line(name, threshold)
        if line is not None and line.calls < CALLS_MAX:
            with self.session.quiet(), torch.no_grad():
                _count(line, values.detach().double(), threshold)

    def _is_output(self, values: torch.Tensor, opened: Any) -> bool:
        """Tell whether these are the values that the model returned, in whatever shape."""
        return any(
            out.numel() == values.numel() and torch.equal(out.reshape(-1), values.detach().reshape(-1))
            for out in opened.outputs
        )

    def facts(self) -> dict[str, Any]:
        """Return one row a line."""
        return {
            "readings": tuple(
                ReadingFact(
                    place,
                    x.function,
                    x.threshold,
                    x.values,
                    x.low,
                    x.high,
                    x.outside / max(x.values, 1),
                    x.between / max(x.values, 1),
                )
                for place, x in self.lines.items()
            )
        }


def _count(line: Line, values: torch.Tensor, threshold: float) -> None:
    line.calls += 1
    line.values += values.numel()
    line.outside += int(((values < 0) | (values > 1)).sum())
    logit = math.log(threshold / (1 - threshold))
    low, high = min(logit, threshold), max(logit, threshold)
    line.between += int(((values > low) & (values <= high)).sum())
    line.low, line.high = min(line.low, float(values.min())), max(line.high, float(values.max()))
