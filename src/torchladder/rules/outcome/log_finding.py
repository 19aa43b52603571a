"""The finding of a state that a log shows: one wording for all rules of this family."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Fix, Measurement, Place, Severity, Trust
from torchladder.core.log_facts import LogFact
from torchladder.rules.outcome.levers import levers
from torchladder.rules.outcome.log_course import LogCourse, log_course
from torchladder.rules.outcome.log_shape import grain, place_words, shape_of

if TYPE_CHECKING:
    from torchladder.rules.registry import Rule

TURNED = 1.05  # the last held-out loss against the best one
SURE = 0.8  # confidence from which on a lost run is an error
LOST = {"diverged", "not-learning"}
SAMPLES = 100  # held-out samples, as far as steps of the score tell, below which all right may be luck
LINES_MAX = 100_000  # of a log whose lines are shown
DOUBTS = {
    "plateau": "where the noise in the data is as large as this, nothing is wrong: the curves cannot tell",
    "too-good": "an easy task looks like this, too",
    "not-learning": "whether labels, inputs or the optimizer are at fault, curves cannot show",
}
MESSAGES = {
    "overfitting": "held-out data gets worse while training goes on improving",
    "underfitting": "training and held-out data are both fitted poorly",
    "not-learning": "the loss stays where it began",
    "diverged": "the loss ends far above what it had reached",
    "oscillating": "the loss swings without settling",
    "plateau": "the loss stopped falling long before the end",
    "too-good": "held-out data is predicted without error almost from the start",
    "still-improving": "the run ends in the middle of its fall",
}


def of_log(rule: "Rule", facts: Facts) -> Iterator[Finding]:
    """Yield what a rule says of a log: one finding if its state is the one the log shows."""
    for log in (facts.logs or ())[:1]:
        found = log_course(log)
        if found.state != rule.name:
            continue
        lines = log.train.lines if log.train is not None else ()
        named = found.line is not None and (not lines or lines[-1] <= LINES_MAX)
        doubt = DOUBTS.get(found.state)
        yield rule.finding(
            _message(found, log),
            severity=severity_of(found, log),
            where=(Place(log.source, found.line),) if named and found.line is not None else (),
            seen=tuple(_seen(found, log)),
            notes=(found.words, since_words(found), *((doubt,) if doubt else ())),
            fixes=tuple(Fix(str(lever), Trust.IDEA) for lever in levers(found, log)),
        )


def severity_of(found: LogCourse, log: LogFact) -> Severity:
    """Return how much a state matters; a perfect score on few samples is a remark."""
    if found.state in LOST:
        return Severity.ERROR if found.confidence >= SURE else Severity.WARNING
    score = shape_of(log.held_score)
    few = score is None or grain(score) > 1 / SAMPLES
    return (
        Severity.NOTE if found.state == "still-improving" or (found.state == "too-good" and few) else Severity.WARNING
    )


def since_words(found: LogCourse) -> str:
    """Return since when, and how sure."""
    return f"since {found.unit} {place_words(found.since)}; confidence {found.confidence:.2f}"


def _message(found: LogCourse, log: LogFact) -> str:
    train = log.train or log.held
    if found.state == "diverged" and train is not None and train.lost is not None:
        return "the loss is no number any more"
    if found.state == "overfitting" and found.held_last is not None and found.held_best is not None:
        turned = found.held_last > TURNED * found.held_best
        return MESSAGES["overfitting"] if turned else "held-out data stays far behind the training data"
    return MESSAGES[found.state]


def _seen(found: LogCourse, log: LogFact) -> Iterator[Measurement]:
    """Yield the best position in the log's own unit, and where both sides ended."""
    if found.best_x is not None:
        best = int(found.best_x) if float(found.best_x).is_integer() else round(found.best_x, 2)
        yield Measurement(f"best {found.unit}", best, expected=None)
    held = log.held or log.held_score
    for series in (held, log.train or log.train_score):
        if series is not None and series.values:
            least = round(series.best, 4) if series is held and series.best is not None else None
            yield Measurement(f"{series.name} at the end", round(series.values[-1], 4), expected=least)
