"""Rows about how training came out: a small subset beside its control, and the full run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubsetFact:
    """One short run of the whole program on a share of its training data.

    Attributes:
        label: "data" for the program's own labels, "control" for labels dealt out anew in every batch.
        samples, of: Training samples used, and how many there are; None where batches were cut instead.
        steps: Optimizer steps.
        passes: Evaluation passes seen over data that is not trained on.
        first_loss, last_loss: Means of the first and the last fifth of the training losses.
        accuracy, loss, error, kind, majority, blind, rows: Of its best such pass, as in EvaluationFact.
        state: How the program ended, ``reason`` why it cannot be judged.
    """

    label: str
    steps: int
    passes: int
    samples: int | None = None
    of: int | None = None
    first_loss: float | None = None
    last_loss: float | None = None
    kind: str | None = None
    accuracy: float | None = None
    majority: float | None = None
    loss: float | None = None
    loss_function: str | None = None
    error: float | None = None
    blind: float | None = None
    rows: int = 0
    files: tuple[str, ...] = ()
    state: str = "ended"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomeFact:
    """The program's own run as far as it was followed, with every sample and every epoch.

    Attributes:
        finished: Whether the program ended by itself.
        steps: Optimizer steps seen; ``epochs`` passes over the training loader, None without one.
        seconds: Wall seconds.
    """

    finished: bool
    steps: int
    epochs: int | None
    seconds: float
