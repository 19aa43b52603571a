"""The curves of several runs over each other, one panel a metric."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.report.text import clean

Named = tuple[str, Sequence[int], Sequence[float]]  # the run, its steps, its values
POINTS_MAX = 2000  # of a curve: a picture has no more columns
ACROSS = 2
LOG_FROM = 100.0  # a metric whose largest value is this many times its smallest is drawn by its logarithm


def curves_picture(curves: Mapping[str, Sequence[Named]], path: Path) -> Path:
    """Draw the picture and return its path; the suffix chooses the format.

    Raises:
        UsageError: If there is nothing to draw, or the file cannot be written.
    """
    if not curves:
        msg = "there is nothing to draw: the runs have no metric in common"
        raise UsageError(msg)
    from matplotlib.figure import Figure  # no pyplot: nobody's backend is touched

    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(6 * across, 3.6 * down), layout="constrained")
    for number, (name, runs) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(down, across, number)
        for run, steps, values in runs:
            every = -(-len(steps) // POINTS_MAX) or 1
            marker = "o" if len(steps) <= 20 else None  # noqa: PLR2004 - a few evaluations are points
            axes.plot(steps[::every], values[::every], lw=1, alpha=0.8, marker=marker, ms=3, label=clean(run))
        if _spread([v for _, _, values in runs for v in values]):
            axes.set_yscale("log")
        axes.set_title(clean(name), fontsize=10)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if number == 1:
            axes.legend(fontsize=8)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror or error})"
        raise UsageError(msg) from None
    return path


def _spread(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values)
