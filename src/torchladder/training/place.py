"""Where a training is, and who is told of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torchladder.core.errors import UsageError


@dataclass
class Place:
    """Where a training is.

    Attributes:
        epoch: The one that is being made, or comes next.
        batch: Batches of it that are done.
        step: Optimizer steps done in all.
        best: The best metric so far, and its epoch.
        stale: Epochs since then.
        history: A row an epoch.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    stale: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass
class Listener:
    """Who is told how it goes; every call comes from the first process only.

    Attributes:
        steps: Called with rows of (step, values), each step once.
        epoch: Called after each epoch with its row.
        say: Called with a sentence, where something could not be done.
        checksum: Called with a step and the checksum of the parameters after it.
    """

    steps: Callable[[list[tuple[int, dict[str, float]]]], None] = lambda _rows: None
    epoch: Callable[[Place, dict[str, float]], None] = lambda _place, _row: None
    say: Callable[[str], None] = lambda _sentence: None
    checksum: Callable[[int, str], None] = lambda _step, _sum: None


class Diverged(UsageError):  # noqa: N818 - reads as what happened
    """The loss became NaN or infinite."""

    exit_status = 1
