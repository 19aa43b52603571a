"""Rows about how a training is fed: the settings of its loaders, and the time that is spent waiting for them."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class FeedingFact:
    """One DataLoader: how long its batches were waited for.

    Attributes:
        place: Line that iterates it.
        dataset: Class name of its data set.
        cores: Processor cores that this process may use, its share where several train on one machine.
        device: Kind of device of the tensors that are trained ("cpu", "cuda"); None where nothing trains.
        passes: Passes begun; ``batches`` handed out.
        steps: Optimizer steps on its batches that were timed, 0 of a loader that is measured on its own.
        seconds: Of these steps, each from the end of the one before, waiting included and other loaders' passes not.
        waited: Seconds of these in which the step waited for its batches and the device had nothing to do;
            ``first_waited`` those at the first batch of a pass, ``hidden`` further ones in which the device worked.
        recent: Share of the time waited over the last steps, None before there are enough of them.
    """

    place: Place | None
    dataset: str
    batch_size: int | None
    num_workers: int
    persistent_workers: bool
    pin_memory: bool
    cores: int
    device: str | None = None
    passes: int = 0
    batches: int = 0
    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    first_waited: float = 0.0
    hidden: float = 0.0
    recent: float | None = None
