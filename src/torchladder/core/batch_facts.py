"""Rows about one batch as a loader gives it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchFact:
    """The first batch of a loader, after its transforms and its collate function.

    Attributes:
        shape, dtype: Of the inputs, the first axis counting samples.
        low, high, mean, std: Of their finite numbers; ``nonfinite`` how many are not.
        kind: "images", "table", "sequence", "ids" or "other": what the shape and the type say.
        y_shape, y_dtype: Of the targets, None where there are none.
        y_whole: Whether every target is a whole number; ``y_values`` how many different ones there are.
        named: Whether the data set gives names of classes.
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    nonfinite: int = 0
    y_shape: tuple[int, ...] | None = None
    y_dtype: str | None = None
    y_whole: bool = False
    y_values: int = 0
    named: bool = False
