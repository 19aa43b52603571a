"""Several runs beside each other: which is best by the number that matters, and by how much."""

from collections.abc import Sequence

from torchladder.core.log_facts import SeriesFact
from torchladder.diagnosis.diagnose import Diagnosis, main_series
from torchladder.logs.roles import role_of
from torchladder.rules.outcome.log_shape import place_words, shape_of

HEAD = ("run", "state", "since", "best", "at", "end", "train", "sure")


def quantity(run: Diagnosis) -> str:
    """Return the name of the curve that a run is ranked by."""
    series = main_series(run.fact)
    return series.name if series is not None else ""


def kinds(runs: Sequence[Diagnosis]) -> set[str]:
    """Return the quantities that runs are ranked by, however their logs name the side."""
    return {role_of(quantity(run).partition(" + ")[0]).quantity for run in runs}


def ranked(runs: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return the runs by their best value, runs without one last; runs of another quantity keep their order."""

    def key(run: Diagnosis) -> tuple[bool, float]:
        series = main_series(run.fact)
        if series is None or series.best is None:
            return True, 0.0
        return False, series.best if series.direction == "min" else -series.best

    if len(kinds(runs)) > 1:
        return list(runs)
    return sorted(runs, key=key)


def comparison(runs: Sequence[Diagnosis]) -> str:
    """Return in a sentence which run is best, and whether the next is really worse."""
    if len(kinds(runs)) > 1:
        named = {quantity(r) for r in runs}
        return f"{len(runs)} runs with different columns ({', '.join(sorted(named))}) cannot be ranked"
    order = ranked(runs)
    first, second = main_series(order[0].fact), main_series(order[1].fact)
    if first is None or first.best is None or second is None or second.best is None:
        return "too few of the runs have values to rank them"
    words = (
        f"{order[0].name} is best: {first.name} {first.best:.4g} at {order[0].fact.unit} {place_words(first.best_x)}"
    )
    close = abs(second.best - first.best) < scatter(first) + scatter(second)
    tail = ", closer than their values scatter: seeds would have to tell" if close else ""
    return f"{words}; next is {order[1].name} with {second.best:.4g}{tail}"


def scatter(series: SeriesFact) -> float:
    """Return the standard deviation of single values of a curve."""
    shape = shape_of(series)
    return shape.noise if shape is not None else 0.0


def rows(runs: Sequence[Diagnosis]) -> list[tuple[str, ...]]:
    """Return the cells of the table, its head first."""
    made: list[tuple[str, ...]] = [HEAD]
    for run in ranked(runs):
        series, train = main_series(run.fact), run.fact.train or run.fact.train_score
        best = f"{series.best:.4g}" if series is not None and series.best is not None else "-"
        at = f"{run.fact.unit} {place_words(series.best_x)}" if series is not None and series.best is not None else "-"
        end = f"{series.values[-1]:.4g}" if series is not None and series.values else "-"
        other = f"{train.values[-1]:.4g}" if train is not None and train.values else "-"
        since = place_words(run.course.since) if run.course.since is not None else "-"
        state = "cannot tell" if run.course.state == "unknown" else run.course.state
        made.append((run.name, state, since, best, at, end, other, f"{run.course.confidence:.2f}"))
    return made


def table(runs: Sequence[Diagnosis], width: int) -> str:
    """Return the comparison as lines no wider than ``width``: names keep their ends, columns at the right go first."""
    cells = rows(runs)
    columns = list(range(len(HEAD)))
    room = 12
    while True:
        widths = {i: max(len(r[i]) for r in cells) for i in columns}
        others = sum(widths[i] + 2 for i in columns if i)
        if width - others >= room or len(columns) <= 4:  # noqa: PLR2004 - run, state, best at the least
            break
        columns.remove({8: 7, 7: 2, 6: 6, 5: 4}[len(columns)])
    name = max(min(widths[0], width - others), room)
    lines = []
    for row in cells:
        shown = row[0] if len(row[0]) <= name else f"...{row[0][-(name - 3) :]}"
        lines.append("  ".join([f"{shown:<{name}}", *(f"{row[i]:<{widths[i]}}" for i in columns if i)]).rstrip())
    by = ", ".join(dict.fromkeys(quantity(run) for run in runs))[: width - 20]
    return "\n".join([*lines, f"best, at and end: {by}"]) + "\n"
