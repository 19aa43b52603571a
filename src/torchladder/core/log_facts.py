"""Rows about the curves of a run as a log has them; nothing else of the run is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeriesFact:
    """One curve. A long one is thinned to means of its neighbours; figures about single values are of all of them.

    Attributes:
        name: As the log names it.
        direction: "min" or "max": which is better.
        xs, values: Where and how much; no value is NaN.
        n: Values that the log has.
        best_x, best: Of all values.
        lost: Where values stop being numbers for good, None if they do not.
        lines: Line of the log of each of ``xs``; empty where values are not on lines.
    """

    name: str
    direction: str
    xs: tuple[float, ...]
    values: tuple[float, ...]
    n: int
    best_x: float | None = None
    best: float | None = None
    lost: float | None = None
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LogFact:
    """The curves of one run.

    Attributes:
        source: The path that the user named.
        unit: "epoch", "step" or "row": what the positions are.
        train, held: Losses; ``alike`` when they are the same quantity and can be compared.
        train_score, held_score: Scores, accuracy and the like.
        lrs: The learning rate.
        resumed: Where the run went on after a break.
    """

    source: str
    unit: str
    train: SeriesFact | None = None
    held: SeriesFact | None = None
    train_score: SeriesFact | None = None
    held_score: SeriesFact | None = None
    alike: bool = True
    lrs: SeriesFact | None = None
    resumed: tuple[float, ...] = ()
