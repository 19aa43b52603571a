"""The course of a run from its log alone: the same states as those of a run that was seen, by what curves can show."""

import dataclasses
import random
from dataclasses import dataclass
from functools import cache

from torchladder.core.log_facts import LogFact, SeriesFact
from torchladder.rules.outcome.course import Course
from torchladder.rules.outcome.log_limits import LogLimits
from torchladder.rules.outcome.log_look import looked
from torchladder.rules.outcome.log_shape import shape_of
from torchladder.rules.outcome.log_verdicts import verdict

DRAWS = 24  # times a log is judged again for the confidence


@dataclass(frozen=True, slots=True)
class LogCourse(Course):
    """A course with what only a log says.

    Attributes:
        unit: "epoch", "step" or "row".
        since: Where the state began, in that unit.
        best_x, best: Where the best held-out value is (of training where none is), of ``best_name``.
        line: Line of the log at ``since``.
        confidence: Share of judgements by moved limits and redrawn noise that come to the same.
    """

    unit: str = "row"
    since: float | None = None
    best_x: float | None = None
    best: float | None = None
    best_name: str = ""
    line: int | None = None
    confidence: float = 0.0


@cache
def log_course(log: LogFact) -> LogCourse:
    """Return the course of a logged run; it is judged once, however many rules ask."""
    return judge_log(log)


def judge_log(log: LogFact, *, draws: int = DRAWS) -> LogCourse:
    """Return the course of a logged run, with how sure it is."""
    limits = LogLimits()
    state, since, words = verdict(looked(log, limits))
    draw = random.Random(0)
    same = 0
    for _ in range(draws):
        other = verdict(looked(shaken(log, draw), limits.moved(draw)))
        same += other[0] == state
    confidence = (same + 1) / (draws + 1) if draws else 0.0
    return described(log, state, since, words, confidence)


def shaken(log: LogFact, draw: random.Random) -> LogFact:
    """Return the log with its noise drawn once more."""

    def again(series: SeriesFact | None) -> SeriesFact | None:
        found = shape_of(series)
        if series is None or found is None:
            return series
        values = tuple(v + draw.gauss(0.0, 0.5 * found.noise) for v in series.values)
        if min(series.values) >= 0:  # what is never below 0 is not there by chance either
            values = tuple(map(abs, values))
        return dataclasses.replace(series, values=values)

    return dataclasses.replace(
        log, train=again(log.train), held=again(log.held), train_score=again(log.train_score),
        held_score=again(log.held_score),
    )  # fmt: skip


def described(log: LogFact, state: str, since: float | None, words: str, confidence: float) -> LogCourse:
    """Return the course with its figures."""
    train, held = log.train or log.train_score, log.held or log.held_score
    t, h = shape_of(log.train), shape_of(log.held)
    best = held if held is not None and held.best is not None else train
    lines = next((s for s in (train, held) if s is not None and s.lines), None)
    line = None
    if since is not None and lines is not None:
        line = next((n for x, n in zip(lines.xs, lines.lines, strict=False) if x >= since), lines.lines[-1])
    scores = log.held_score
    return LogCourse(
        state, words, t.start if t else None, t.end if t else None, h.start if h else None,
        held.best if held is log.held and held is not None else None, h.end if h else None,
        scores.values[-1] if scores is not None and scores.values else None,
        round(best.best_x) if best is not None and best.best_x is not None else None,
        train.n if train is not None else 0, log.unit, since, best.best_x if best is not None else None,
        best.best if best is not None else None, best.name if best is not None else "", line, round(confidence, 2),
    )  # fmt: skip
