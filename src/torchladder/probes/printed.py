"""Figures that the program prints or logs, beside the evaluation passes they follow."""

import builtins
import functools
import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torchladder.core.findings import Place
from torchladder.core.loop_facts import PrintedFact
from torchladder.probes.guarded import guarded
from torchladder.probes.interceptor import Call
from torchladder.runner.place import called_by_us, user_place

if TYPE_CHECKING:
    from torchladder.probes.session import Session

# A number with a fraction, or a percentage, and up to a few letters before it.
NUMBER = re.compile(
    r"(?P<word>[A-Za-z_@/ -]{0,24})[^\w\d.+-]{0,6}(?P<value>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?P<unit>\s?%)?"
)
LINES_MAX = 60
VALUES_MAX = 200
TEXT_MAX = 2000
EXACT = 12  # digits of a number printed in full
COMPARISONS = {"eq", "__eq__"}


@dataclass
class Line:
    """One number of one line."""

    word: str
    digits: int
    turns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class Printed:
    """Wraps ``print`` and the handling of log records."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self.lines: dict[tuple[Place, int], Line] = {}
        self.compared: dict[int, Place] = {}  # turn of an evaluation call -> where its predictions were compared
        self.evaluations: Any = None

    def install(self) -> None:
        """Put the wrappers in place."""
        self.evaluations = self.session.probes["evaluations"]
        look = guarded(self.session, "printed figures", self._look)
        show = builtins.print

        @functools.wraps(show)
        def printed(*args: Any, **kwargs: Any) -> None:
            show(*args, **kwargs)
            if self.evaluations.turn and not called_by_us():
                look(user_place(), args)

        builtins.print = printed
        handle = logging.Logger.handle

        def handled(logger: logging.Logger, record: logging.LogRecord) -> None:
            handle(logger, record)
            if self.evaluations.turn:
                look(user_place(), (record.getMessage(),))

        logging.Logger.handle = handled  # type: ignore[method-assign,assignment]
        self.session.interceptor.listeners.append(self)

    def before(self, call: Call) -> None:
        """Nothing is changed."""

    def after(self, call: Call) -> None:
        """Note where predictions are compared with targets, outside training."""
        if call.name not in COMPARISONS or len(self.compared) >= VALUES_MAX or self.session.modules.stack:
            return
        opened = self.evaluations.open
        if opened is not None and not opened.grad and call.place is not None:
            self.compared.setdefault(opened.mark, call.place)

    def _look(self, place: Place | None, parts: tuple[Any, ...]) -> None:
        """Note the numbers of one text."""
        if place is None or sum(isinstance(p, str) for p in parts) == 0:
            return
        text = " ".join(str(p) for p in parts if isinstance(p, (str, int, float)))[:TEXT_MAX]
        for index, found in enumerate(NUMBER.finditer(text)):
            value = found["value"]
            if "." not in value and not found["unit"]:
                continue
            digits = min(len(value.partition(".")[2].partition("e")[0]), EXACT) + (2 if found["unit"] else 0)
            key = (place, index)
            if key not in self.lines and len(self.lines) >= LINES_MAX:
                continue
            line = self.lines.setdefault(key, Line(found["word"].strip(), digits))
            if len(line.values) < VALUES_MAX:
                line.turns.append(self.evaluations.turn)
                line.values.append(float(value) / (100.0 if found["unit"] else 1.0))

    def facts(self) -> dict[str, Any]:
        """Return one row a number that follows evaluation passes."""
        ends = [(p.calls[-1].mark, i) for i, p in enumerate(self.evaluations.passes)]
        places = {i: {c.mark for c in p.calls} for i, p in enumerate(self.evaluations.passes)}
        rows = []
        for (place, index), line in self.lines.items():
            passes, values = [], []
            for turn, value in zip(line.turns, line.values, strict=True):
                last = max((i for end, i in ends if end <= turn), default=None)
                if last is not None:
                    passes.append(last)
                    values.append(value)
            if passes:
                marks = set().union(*(places[i] for i in passes))
                seen = Counter(at for mark, at in self.compared.items() if mark in marks)
                compared = seen.most_common(1)[0][0] if seen else None
                rows.append(PrintedFact(place, index, line.word, tuple(passes), tuple(values), line.digits, compared))
        return {"printed": tuple(rows)}
