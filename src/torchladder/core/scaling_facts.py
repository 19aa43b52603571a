"""Rows about how the outcome depends on the amount of data: the program on halves of its training samples."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HalfFact:
    """The whole program on one part of its training samples, to its own end.

    Attributes:
        share: Of the training samples it was given; ``part`` which of the parts of that size, ``samples`` of ``of``.
        steps: Optimizer steps.
        passes: Evaluation passes over held-out data; ``accuracy``, ``loss``, ``error``, ``rows`` of the last one.
        train_accuracy: Of the training batches before that pass.
    """

    share: float
    part: int
    samples: int
    of: int
    steps: int
    passes: int = 0
    accuracy: float | None = None
    loss: float | None = None
    error: float | None = None
    rows: int = 0
    train_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class CounterpartsFact:
    """What two runs on halves of the training data, and the full run, were right on, sample by sample.

    Attributes:
        rows: Held-out samples that all three predicted; ``classes`` among their labels.
        first, second, full: Share of those that each was right on.
        one: How many exactly one of the halves was right on.
        agreement: Correlation, within the classes, of being right by one half and by the other. What makes a sample
            hard makes it hard for both, so it is above 0; below 0 a sample needs its own half. None where one of
            them is right on all or none of each class.
    """

    rows: int
    classes: int
    first: float
    second: float
    full: float
    one: int
    agreement: float | None
