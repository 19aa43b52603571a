"""What several processes that train together had in common, and what not: rows that the first of them keeps.

A *round* is a step at which every process wrote down what it held; only processes that did so at the same step of
the same optimizer, in the same group of replicas, are compared.
"""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class RoundFact:
    """One group of replicas at one step of one optimizer.

    Attributes:
        step: Of the optimizer; the state before it, or after the last one when ``final``.
        ranks: Processes compared, ``world`` all that there are.
        wrapper: "DistributedDataParallel", "FullyShardedDataParallel", or None for a bare model.
        synced: Whether gradients were to be averaged at this step (False inside ``no_sync`` and for local SGD).
        sharded: Whether weights are spread over the processes, so that they differ by design.
        sampler: Whether a DistributedSampler over all processes feeds the training.
        weights: Different states of the weights; ``gradients`` of the gradients, None when not looked at.
        apart: Largest difference of the sums of all weights, as a share of their norm.
        differing: Names of parameters, or of runs of parameters, that differ; ``odd_rank`` is one that differs
            from most.
        gradient_zero: Whether the gradients are zero everywhere.
        inputs: Different batches given to the model, None when none was seen; ``input_key`` names the first rank's.
    """

    phase: int
    step: int
    final: bool
    ranks: int
    world: int
    wrapper: str | None
    synced: bool
    sharded: bool
    sampler: bool
    weights: int
    gradients: int | None
    apart: float
    differing: tuple[str, ...] = ()
    odd_rank: int | None = None
    gradient_zero: bool = False
    inputs: int | None = None
    input_key: str | None = None
    input_rows: int = 0
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class SamplerFact:
    """A sampler that shares out the data, over the passes of its loader that were trained on.

    Attributes:
        epochs: Its ``epoch`` as each pass began, the number that its order is drawn from.
        stock: Whether its order is made by DistributedSampler itself.
        same_start: Whether the first batches of the passes were equal to the bit; None when that was not seen.
        place: Where its loader is iterated over.
    """

    type: str
    replicas: int
    shuffle: bool
    epochs: tuple[int, ...]
    stock: bool
    same_start: bool | None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class RankNormFact:
    """The batch norm with the fewest values to a mean, and how far the processes' statistics lie apart.

    Attributes:
        rows: Samples in a process's batch; ``values`` numbers that a mean is taken over.
        apart: Deviation of the processes' means from each other, in standard deviations of the input, over the rounds.
    """

    phase: int
    module: str
    rows: int
    values: int
    ranks: int
    rounds: int
    apart: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class UnusedFact:
    """Parameters of a DistributedDataParallel model without a gradient as the optimizer stepped.

    Attributes:
        step: Of the first look.
        ranks: Processes with such parameters, of ``of`` that were compared.
        names: Some of those of the first such process, ``most`` how many a process has.
        always: Looks at which every process lacked ``names[0]``'s gradient, of ``looks``.
    """

    phase: int
    step: int
    find_unused: bool
    static_graph: bool
    ranks: int
    of: int
    names: tuple[str, ...]
    most: int
    always: int
    looks: int
    place: Place | None = None
