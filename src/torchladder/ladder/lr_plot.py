"""The curve of a range test as a CSV file and as a picture; both can be made again from the CSV alone."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchladder.ladder import rates

if TYPE_CHECKING:
    from torchladder.ladder.lr import Outcome

FILE, CSV_FILE = "lr.png", "lr.csv"
COLUMNS = ("lr", "loss", "smoothed")
HEADROOM = 0.6  # of the fall shown above the start: what diverges leaves the picture
WIDTH, CURVE_HEIGHT, CHECK_HEIGHT, DPI = 10.0, 3.8, 2.2, 110
MARKERS = ("o", "s", "D", "^", "v")
OWN, CHOSEN = "tab:orange", "tab:green"
FOLDS = 2.0  # times the spread of the better half above which a value is shown at the edge


@dataclass(frozen=True, slots=True)
class Check:
    """What is shown of the runs that checked the curve.

    Attributes:
        own: The program's own rate.
        chosen: The suggested one, None when there is none.
        metric: What ``values`` are; they are empty when nothing was checked.
        values: Rate -> what a run at it reached, infinite where it diverged.
    """

    own: float
    chosen: float | None
    metric: str
    values: dict[float, float]


def csv_text(curve: rates.Curve) -> str:
    """Return the curve as CSV, with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(curve.lrs, curve.losses, curve.smoothed, strict=True))
    return out.getvalue()


def read_csv(path: Path) -> rates.Curve:
    """Return the curve of a CSV file; only its columns ``lr`` and ``loss`` are needed.

    Raises:
        ValueError: If it is no such file.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        pairs = sorted((float(row["lr"]), float(row["loss"])) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{path} has no columns lr and loss with numbers in every row"
        raise ValueError(msg) from error
    if any(not (math.isfinite(lr) and lr > 0) for lr, _ in pairs):
        msg = f"{path} has learning rates that are not above 0"
        raise ValueError(msg)
    curve = rates.read([lr for lr, _ in pairs], [loss for _, loss in pairs])
    if curve is None:
        msg = f"{path} has fewer than {rates.FEW} finite losses"
        raise ValueError(msg)
    return curve


def check_of(found: "Outcome") -> Check:
    """Return what a rung's outcome has to show beside its curve."""
    compared = found.choice.comparison
    if compared is None:
        return Check(found.own, found.choice.lr, "", {})
    return Check(found.own, found.lr, compared.metric, compared.values)


def draw(curve: rates.Curve, check: Check | None = None) -> bytes:
    """Return the curve over the rate on a log axis as a PNG, the runs that checked it beneath."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    two = check is not None and bool(check.values)
    height = CURVE_HEIGHT + (CHECK_HEIGHT if two else 0)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    rows = [CURVE_HEIGHT, CHECK_HEIGHT] if two else [CURVE_HEIGHT]
    axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": rows})[:, 0]
    _draw_curve(axes[0], curve)
    tried = list(check.values) if check is not None else []
    known = [v for v in (*curve.lrs, *tried, check.own if check is not None else 0.0) if v > 0]
    axes[0].set_xlim(min(known) / 1.5, max(known) * 1.5)
    if check is not None and two:
        _draw_check(axes[1], check)
    if check is not None:
        for axis in axes:
            _draw_rates(axis, check, named=axis is axes[0])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False)
    axes[-1].set_xlabel("learning rate")
    refused = rates.refusal(curve)
    axes[0].set_title("Learning-rate range test" + (f": {refused}" if refused else ""), fontsize=10, parse_math=False)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _draw_curve(axis: Any, curve: rates.Curve) -> None:
    """Draw the losses of the sweep, and each reading as a point on the smoothed curve."""
    axis.set_xscale("log")
    axis.plot(curve.lrs, curve.losses, color="tab:blue", alpha=0.3, linewidth=1, label="loss of each step")
    axis.plot(curve.lrs, curve.smoothed, color="tab:blue", linewidth=2, label="smoothed")
    for reading, marker in zip(rates.readings(curve), MARKERS, strict=False):
        nearest = min(range(len(curve.lrs)), key=lambda i: abs(math.log(curve.lrs[i] / reading.lr)))
        words = f"{reading.rule}: {reading.lr:.2g}"
        axis.plot([reading.lr], [curve.smoothed[nearest]], marker, color="0.3", mfc="white", ms=7, label=words)
    quiet = curve.losses[: max(len(curve.losses) // rates.QUIET, 1)]
    bottom, top = min(curve.losses), max(*quiet, curve.start)
    span = max(top - bottom, abs(top) * 0.05, 1e-12)
    axis.set_ylim(bottom - 0.08 * span, top + HEADROOM * span)  # divergence must not press the rest into a line
    axis.set_ylabel("training loss")


def _draw_check(axis: Any, check: Check) -> None:
    """Draw what the run at each rate reached; those far off stand at the upper edge, as arrows."""
    finite = sorted(v for v in check.values.values() if math.isfinite(v))
    better = finite[: len(finite) // 2 + 1] or [0.0, 1.0]
    span = max(better[-1] - better[0], 0.02 * abs(better[0]), 1e-12)
    edge = min(max(finite, default=better[-1]), better[-1] + FOLDS * span)
    inside = [(r, v) for r, v in sorted(check.values.items()) if v <= edge]
    axis.plot([r for r, _ in inside], [v for _, v in inside], "-", color="tab:blue", alpha=0.3, linewidth=1)
    axis.set_ylim(better[0] - 0.25 * span, edge + 0.9 * span)
    for rate, value in check.values.items():
        colour = CHOSEN if rate == check.chosen else OWN if rate == check.own else "tab:blue"
        off = value > edge
        at, marker = (edge + 0.3 * span, "^") if off else (value, "o")
        axis.plot([rate], [at], marker, color=colour, ms=8, zorder=3)
        words = f"{value:.3g}" if math.isfinite(value) else "diverges"
        axis.annotate(words, (rate, at), xytext=(0, 7), textcoords="offset points", fontsize=8, ha="center")
    axis.set_ylabel(check.metric)


def _draw_rates(axis: Any, check: Check, *, named: bool) -> None:
    """Draw the program's own rate and the suggested one as lines."""
    if check.chosen is not None:
        same = " (the program's own)" if check.chosen == check.own else ""
        words = f"suggested: {check.chosen:.2g}{same}" if named else None
        axis.axvline(check.chosen, color=CHOSEN, linewidth=1.6, label=words)
    if check.own > 0 and check.own != check.chosen:
        axis.axvline(
            check.own, color=OWN, linewidth=1.6, label=f"the program's own: {check.own:.2g}" if named else None
        )
