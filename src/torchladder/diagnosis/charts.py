"""The curves of logs as charts: what was judged, the best place, where the state began, what going on would give."""

from collections.abc import Sequence

from torchladder.core.charts import Chart, Line, Mark, is_steep, line
from torchladder.core.log_facts import SeriesFact
from torchladder.diagnosis.diagnose import Diagnosis, main_series

MOST = 12  # runs in one chart


def charts(runs: Sequence[Diagnosis]) -> tuple[Chart, ...]:
    """Return the charts of one run in detail, or one of several beside each other."""
    if len(runs) != 1:
        lines = [
            line(run.name[-40:], s.xs, s.values) for run in runs[:MOST] if (s := main_series(run.fact)) is not None
        ]
        return (_chart("the runs beside each other", runs[0].fact.unit if runs else "step", lines),)
    run = runs[0]
    fact = run.fact
    losses, scores = _lines(fact.train, fact.held), _lines(fact.train_score, fact.held_score)
    if losses and run.ahead is not None and main_series(fact) in {fact.train, fact.held}:
        losses.append(line("going on", run.ahead.xs, run.ahead.middles))
    drawn = [("losses", losses), ("scores", scores)]
    return tuple(_chart(title, fact.unit, lines, _marks(run)) for title, lines in drawn if lines)


def _lines(*series: SeriesFact | None) -> list[Line]:
    return [line(s.name, s.xs, s.values) for s in series if s is not None and s.values]


def _marks(run: Diagnosis) -> tuple[Mark, ...]:
    found = [Mark("x", x, "resumed") for x in run.fact.resumed[:MOST]]
    if run.course.since is not None and run.findings:
        found.append(Mark("x", run.course.since, run.course.state))
    best = main_series(run.fact)
    if best is not None and best.best_x is not None:
        found.append(Mark("x", best.best_x, "best"))
    return tuple(found)


def _chart(title: str, unit: str, lines: Sequence[Line], marks: tuple[Mark, ...] = ()) -> Chart:
    log = is_steep([v for one in lines for v in one.y])
    return Chart(title, unit, "score" if title == "scores" else "loss", tuple(lines), marks, log_y=log)
