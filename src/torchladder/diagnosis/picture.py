"""The picture of curves: both losses, what was judged and where, and what going on would give; PNG bytes."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torchladder.core.log_facts import SeriesFact
from torchladder.diagnosis.diagnose import Diagnosis, main_series
from torchladder.rules.outcome.log_shape import place_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAIN, HELD, STATE, BEST = "tab:blue", "tab:orange", "tab:red", "tab:green"
SIZE, DPI = (9.0, 4.6), 110
WIDE_RANGE = 30.0  # largest over smallest loss from which on the axis is logarithmic
MOST = 12  # runs drawn beside each other
FLAT = 0.1  # relative span below which a curve is drawn flat
TALL = 4.0  # times the usual largest value that the axis shows; what leaves it is cut


def draw(runs: Sequence[Diagnosis]) -> bytes:
    """Return the picture of one run in detail, or of several beside each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scored = len(runs) == 1 and runs[0].fact.held_score is not None and runs[0].fact.held is not None
    figure = Figure(figsize=(SIZE[0], SIZE[1] + (1.8 if scored else 0.0)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    if len(runs) == 1:
        _one(figure, runs[0], scored=scored)
    else:
        _several(figure, runs[:MOST])
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _one(figure: "Figure", run: Diagnosis, *, scored: bool) -> None:
    axes = figure.subplots(2 if scored else 1, 1, sharex=True, squeeze=False, height_ratios=[3, 2] if scored else [1])
    top = axes[0][0]
    fact = run.fact
    losses = (fact.train, fact.held) if fact.train or fact.held else (fact.train_score, fact.held_score)
    _curves(top, losses)
    _scale(top, losses)
    _marks(top, run)
    _ahead(top, run)
    if scored:
        _curves(axes[1][0], (fact.train_score, fact.held_score))
        axes[1][0].legend(fontsize=8, frameon=False, loc="best")
    top.legend(fontsize=8, frameon=False, loc="best")
    axes[-1][0].set_xlabel(fact.unit)
    _whole(axes[-1][0])
    c = run.course
    title = "cannot tell" if c.state == "unknown" else c.state
    sure = f", confidence {c.confidence:.2f}" if c.state != "unknown" else ""
    figure.suptitle(f"{_shortened(run.name)}: {title}{sure}", fontsize=11)
    top.set_title(_wrapped(c.words), fontsize=8, color="0.35", parse_math=False)


def _curves(axis: Any, pair: tuple[SeriesFact | None, SeriesFact | None]) -> None:
    for series, colour, width in zip(pair, (TRAIN, HELD), (1.4, 1.8), strict=True):
        if series is not None and series.values:
            mark = "o" if len(series.values) <= 40 else ""  # noqa: PLR2004 - more would run together
            axis.plot(series.xs, series.values, color=colour, lw=width, marker=mark, ms=3, label=_escaped(series.name))
    axis.grid(alpha=0.2)


def _scale(axis: Any, pair: tuple[SeriesFact | None, SeriesFact | None]) -> None:
    """Choose a logarithmic axis for losses over a wide range, and leave out what is far above all others."""
    values = sorted(v for s in pair if s is not None for v in s.values)
    if not values:
        return
    usual = values[int(0.95 * (len(values) - 1))]
    if values[0] > 0 and usual > WIDE_RANGE * values[0]:
        axis.set_yscale("log")
    elif values[-1] > TALL * max(abs(usual), 1e-12):
        axis.set_ylim(top=1.3 * usual)
    elif values[-1] - values[0] < FLAT * abs(values[-1]):  # noise must not fill the picture
        middle, half = (values[-1] + values[0]) / 2, FLAT * abs(values[-1])
        axis.set_ylim(middle - half, middle + half)


def _marks(axis: Any, run: Diagnosis) -> None:
    """Mark the best value, where the state began, and where the run went on after a break."""
    c, series = run.course, main_series(run.fact)
    if c.since is not None and run.findings:
        axis.axvline(c.since, color=STATE, lw=1, ls="--", label=f"{c.state} since {c.unit} {place_words(c.since)}")
        left, right = axis.get_xlim()
        axis.axvspan(c.since, right, color=STATE, alpha=0.07, lw=0)
        axis.set_xlim(left, right)
    shown = series in {run.fact.held, run.fact.train} or (run.fact.held is None and run.fact.train is None)
    if series is not None and shown and series.best is not None and series.best_x is not None:
        words = f"best: {series.best:.3g} at {c.unit} {place_words(series.best_x)}"
        axis.plot([series.best_x], [series.best], "*", color=BEST, ms=13, zorder=5, label=words)
    for i, x in enumerate(run.fact.resumed):
        axis.axvline(x, color="0.6", lw=0.8, ls=":", label=None if i else "resumed")


def _ahead(axis: Any, run: Diagnosis) -> None:
    ahead, series = run.ahead, main_series(run.fact)
    if ahead is None or series not in {run.fact.held, run.fact.train}:
        return
    axis.plot(ahead.xs, ahead.middles, color=HELD, lw=1.2, ls="--", label="going on, with 90 %")
    axis.fill_between(ahead.xs, ahead.lows, ahead.highs, color=HELD, alpha=0.15, lw=0)


def _several(figure: "Figure", runs: Sequence[Diagnosis]) -> None:
    from matplotlib import colormaps

    axis = figure.subplots()
    colours = colormaps["tab10" if len(runs) <= 10 else "tab20"]  # noqa: PLR2004 - of that palette
    for i, run in enumerate(runs):
        series = main_series(run.fact)
        if series is None or not series.values:
            continue
        label = f"{_shortened(run.name)}: {run.course.state}"
        axis.plot(series.xs, series.values, color=colours(i), lw=1.6, label=label)
        if series.best is not None and series.best_x is not None:
            axis.plot([series.best_x], [series.best], "*", color=colours(i), ms=11, zorder=5)
    axis.set_xlabel(runs[0].fact.unit)
    _whole(axis)
    named = {s.name for run in runs if (s := main_series(run.fact)) is not None}
    axis.set_ylabel(_escaped(", ".join(sorted(named))))
    axis.grid(alpha=0.2)
    axis.legend(fontsize=8, frameon=False)
    figure.suptitle(f"{len(runs)} runs; a star marks the best of each", fontsize=11)


def _whole(axis: Any) -> None:
    """Put the ticks on whole epochs and steps."""
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _escaped(text: str) -> str:
    """Return text in which a dollar does not begin a formula; a leading underscore would hide it from the legend."""
    return text.replace("$", r"\$").lstrip("_")


def _shortened(name: str, room: int = 46) -> str:
    return _escaped(name if len(name) <= room else f"...{name[-room:]}")


def _wrapped(words: str, room: int = 120) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, room)[:2])
