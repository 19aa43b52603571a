"""Rows about finished runs beside a law that was fitted to others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineFact:
    """One finished run beside the loss that a scaling law expects of it.

    Attributes:
        name: What the run is called.
        loss: What it reached.
        low, expected, high: The law's prediction with its interval; ``level`` the probability it was made for.
        spread: Standard deviation of a single run around the law, in log loss.
        runs: That the law was fitted to, this one not among them.
        held: Whether the law predicted its own largest runs, which were left out for that.
        reach: The size of the run over the largest that was fitted.
        parameters, samples: Sizes of the run, None where the law does not ask.
    """

    name: str
    loss: float
    low: float
    expected: float
    high: float
    level: float
    spread: float
    runs: int
    held: bool | None = None
    reach: float = 1.0
    parameters: float | None = None
    samples: float | None = None
