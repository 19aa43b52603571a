"""Rows about how a training is fed: the settings of its loaders, and the time that is spent waiting for them."""

from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class PartFact:
    """One part of the making of a batch.

    Attributes:
        name: "reading", "transform", "collate" or "copy" (to the device).
        seconds: For a batch; ``idle`` of these neither computed nor waited for a core: disk, network, sleep.
        steps: The transforms it consists of, with the seconds of each.
    """

    name: str
    seconds: float
    idle: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialOfSetting:
    """One setting of a loader, tried.

    Attributes:
        options: What is different from the present settings; empty for these.
        seconds: For a batch (and the step on it, where there is one), starts of passes included: median of ``rounds``.
        rounds: The same of each round; rounds of several settings are interleaved. ``numbers``: which rounds, counted
            over all settings; empty where they are the first ones.
        failed: Why it could not be tried.
    """

    options: dict[str, Any]
    seconds: float | None = None
    rounds: tuple[float, ...] = ()
    numbers: tuple[int, ...] = ()
    failed: str | None = None


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
        timed: Whether it was timed by `torchladder loader`: a few seconds that stand for a run.
        n_batches: Of a whole pass, None of a stream.
        alone: Seconds a batch when nothing else is done, ``alone_first`` those for the first batch of a pass, start of
            its workers included; ``samples`` in a batch.
        computing: Seconds that a step takes with a batch that is there already.
        parts: Where the seconds of a batch go, in one process.
        tried: Other settings, each tried on this loader, beside the present ones (the first row).
        tried_on: "training" where they were tried under the program's own steps, "alone" without any.
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
    timed: bool = False
    n_batches: int | None = None
    samples: float | None = None
    alone: float | None = None
    alone_first: float | None = None
    computing: float | None = None
    parts: tuple[PartFact, ...] = ()
    tried: tuple[TrialOfSetting, ...] = ()
    tried_on: str | None = None


@dataclass(frozen=True, slots=True)
class TransferFact:
    """What the copy of a batch to the GPU costs.

    Attributes:
        place: Line at which the loader is made or iterated.
        bytes: Of a batch.
        pinned: Whether its memory is page-locked.
        seconds: For the copy of a batch as the loader gives it; ``pinned_seconds`` of one in page-locked memory.
        computing: Seconds that a step takes with a batch that is there already, None where nothing is trained.
    """

    place: Place | None
    bytes: int
    pinned: bool
    seconds: float
    pinned_seconds: float | None = None
    computing: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluationTimeFact:
    """What evaluation costs beside training.

    Attributes:
        place: Line that iterates the held-out data.
        passes: Passes over it that began while training was timed, or followed a pass over the training data.
        seconds: Of one such pass.
        between: Seconds of training from one to the next.
        steps: Training steps from one to the next.
        each_epoch: Whether one follows each pass over the training data; else it comes within passes.
    """

    place: Place | None
    passes: int
    seconds: float
    between: float
    steps: int
    each_epoch: bool
