"""Runs beside each other on a page: the tables that a terminal shows, and every metric as a chart of all runs."""

from typing import TYPE_CHECKING, Any

from torchladder import __version__
from torchladder.cli.run_page import duration
from torchladder.cli.runs_compare import best_words, difference_words, letter, value_words
from torchladder.core.charts import Line, line, steps_chart
from torchladder.core.report import Report, RungResult, State
from torchladder.report.tables import COMPARED, Table

if TYPE_CHECKING:
    from torchladder.runs.compare import Comparison, MetricRow

FULL_RUN = 6
PAIR = 2
CHARTS = 24  # metrics that are drawn; of more, the first
POINTS = 2000  # of a curve: what one may zoom into
STATES = {True: "the same", False: "differs", None: "not recorded"}


def report_of(made: "Comparison") -> Report:
    """Return a comparison as a report: no verdict upon the runs, but what differs and whether it is noise."""
    letters = [letter(i) for i in range(len(made.runs))]
    names = [f"{sign} {run.name or run.id}" for sign, run in zip(letters, made.runs, strict=True)]
    tables = [_runs(made, letters), _layers(made, letters), *_metrics(made, letters)]
    rung = RungResult(
        FULL_RUN, COMPARED, State.PASSED, _sentence(made), 0.0, {"tables": [t for t in tables if t["rows"]]}
    )
    return Report(
        schema=1,
        tool=__version__,
        script=", ".join(names),
        verdict="healthy",
        sentence=_sentence(made),
        cause=None,
        findings=(),
        rungs=(rung,),
        environment={},
        seconds=0.0,
        next=f"torchladder runs show {made.runs[0].id}",
        charts=tuple(steps_chart(row.name, row.name, _lines(row, names)) for row in made.metrics[:CHARTS]),
    )


def _sentence(made: "Comparison") -> str:
    """Return what differs, in one sentence."""
    differ = [one.layer for one in made.layers if one.same is False]
    beyond = [row.name for row in made.metrics if any(v is not None and v.verdict == "beyond" for v in row.noise)]
    what = f"{' and '.join(differ)} differ{'s' if len(differ) == 1 else ''}" if differ else "made of the same"
    if not made.metrics:
        return f"{len(made.runs)} runs, {what}; they have no metric in common"
    told = f"{', '.join(beyond)} beyond seed noise" if beyond else "no metric is known to be beyond seed noise"
    return f"{len(made.runs)} runs, {what}; {told}"


def _runs(made: "Comparison", letters: list[str]) -> Table:
    rows = [
        {
            "": sign,
            "run": run.id,
            "name": run.name,
            "state": run.state,
            "steps": f"{run.steps:,}",
            "time": duration((run.ended or run.heartbeat) - run.started),
        }
        for sign, run in zip(letters, made.runs, strict=True)
    ]
    return {"title": "The runs", "rows": rows}


def _layers(made: "Comparison", letters: list[str]) -> Table:
    rows: list[dict[str, str]] = []
    for one in made.layers:
        rows.append({"": one.layer, "state": STATES[one.same], "in words": one.words} | dict.fromkeys(letters, ""))
        for name, *values in one.rows:
            rows.append(
                {"": f"{one.layer}: {name}", "state": "", "in words": ""} | dict(zip(letters, values, strict=False))
            )
    return {"title": "What they were made of", "rows": rows}


def _metrics(made: "Comparison", letters: list[str]) -> list[Table]:
    """Return where each metric ended, and whether that is more than the noise of seeds."""
    ends: list[dict[str, str]] = []
    noise: list[dict[str, str]] = []
    for row in made.metrics:
        cells = {sign: value_words(m) for sign, m in zip(letters, row.runs, strict=True)}
        pair = (
            {f"{letters[1]} - {letters[0]}": difference_words(row.runs[0], row.runs[1])} if len(letters) == PAIR else {}
        )
        best = {f"best of {sign}": best_words(m) for sign, m in zip(letters, row.runs, strict=True)}
        ends.append({"": row.name} | cells | pair | best)
        for sign, verdict in zip(letters[1:], row.noise, strict=True):
            if verdict is not None:
                noise.append({"": row.name, "runs": f"{sign} - {letters[0]}", "reading": verdict.words})
    return [
        {"title": "What came out", "rows": ends},
        {"title": "Is it more than the noise of seeds?", "rows": noise},
    ]


def _lines(row: "MetricRow", names: list[str]) -> list[Line]:
    found: list[Any] = [(name, m) for name, m in zip(names, row.runs, strict=True) if m is not None]
    return [line(name, m.steps, m.values, points=POINTS) for name, m in found]
