"""The course of a training as a picture: losses and the metric over the epochs, the best one marked."""

from collections.abc import Sequence
from pathlib import Path

TRAIN, HELD_OUT, BEST = "#1f77b4", "#d62728", "#2ca02c"


def draw(history: Sequence[dict[str, float]], metric: str, best_epoch: int, path: Path) -> Path:
    """Draw the picture and return its path.

    Args:
        history: A row an epoch.
        metric: What chose the best weights.
        best_epoch: Its epoch, from 1; 0 for none.
        path: Of the picture.
    """
    from matplotlib.figure import Figure  # no pyplot: whatever backend there is stays as it is
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, other = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    mark = "o" if len(history) <= 30 else None  # noqa: PLR2004 - more would run together
    losses.plot(
        epochs, [row["train/loss"] for row in history], color=TRAIN, marker=mark, ms=4, label="training, as optimised"
    )
    losses.plot(
        epochs, [row["val/loss"] for row in history], color=HELD_OUT, marker=mark, ms=4, label="held out, plain"
    )
    losses.set_ylabel("loss")
    name = f"val/{metric}"
    other.plot(epochs, [row[name] for row in history], color=HELD_OUT, marker=mark, ms=4, label=f"held out: {metric}")
    other.set_ylabel(metric)
    for axes in (losses, other):
        if best_epoch:
            axes.axvline(best_epoch, color=BEST, ls=":", label=f"best, epoch {best_epoch}")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    return path
