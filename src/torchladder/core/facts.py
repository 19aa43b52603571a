"""Facts: typed rows that probes write and rules read. No judgement, no tensors.

``None`` means nobody looked; an empty tuple means somebody looked and saw nothing. A *phase* is
the life of one optimizer: a program that trains twice has two. A *step* is counted from 0 within
its phase. The first steps of a phase are observed densely, the later ones only by their loss.
"""

from dataclasses import dataclass, field

from torchladder.core.batch_facts import BatchFact
from torchladder.core.data_facts import SurveyFact
from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.distributed_facts import RankNormFact, RoundFact, SamplerFact, UnusedFact
from torchladder.core.duplicate_facts import DuplicateFact, PicturesFact
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.feeding_facts import EvaluationTimeFact, FeedingFact, TransferFact
from torchladder.core.graph_facts import (
    ActivationFact,
    AffinePairFact,
    BroadcastFact,
    CastFact,
    LossCallFact,
    OpFact,
    TensorFact,
)
from torchladder.core.line_facts import LineFact
from torchladder.core.log_facts import LogFact
from torchladder.core.loop_facts import (
    EpochStartFact,
    FrozenStatsFact,
    GraphFact,
    MemoryFact,
    PrintedFact,
    ReadingFact,
    RestoreFact,
    SeedFact,
    SourceFact,
    SpareFact,
    StateFact,
    WriteFact,
)
from torchladder.core.lr_facts import LrSweepFact
from torchladder.core.model_facts import (
    BatchNormFact,
    ConflictFact,
    DropoutFact,
    GradientFact,
    LayerGradientFact,
    ReshapeFact,
    SequenceFact,
)
from torchladder.core.outcome_facts import OutcomeFact, SubsetFact
from torchladder.core.pull_facts import PullFact
from torchladder.core.reading_facts import ReadFact
from torchladder.core.run_facts import (
    CurveFact,
    ErrorFact,
    LoaderFact,
    OptimizerFact,
    ParameterFact,
    ProgramFact,
    RepeatFact,
    RootFact,
)
from torchladder.core.scaling_facts import CounterpartsFact, HalfFact
from torchladder.core.schedule_facts import ScheduleFact
from torchladder.core.set_facts import SetFact
from torchladder.core.shift_facts import GapFact, GroupingFact, PreparationFact, SceneFact, ShiftFact, TimesFact
from torchladder.core.step_facts import (
    ClipFact,
    DecayFact,
    IdleLossFact,
    ObjectiveFact,
    PaddingFact,
    RenewalFact,
    ScalerFact,
)
from torchladder.core.trial_facts import InterrogationFact, NonFiniteFact, TrialFact


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything seen of one program; ``failures`` maps a probe to why it could not look."""

    program: ProgramFact | None = None
    loaders: tuple[LoaderFact, ...] | None = None
    roots: tuple[RootFact, ...] | None = None
    loss_calls: tuple[LossCallFact, ...] | None = None
    broadcasts: tuple[BroadcastFact, ...] | None = None
    parameters: tuple[ParameterFact, ...] | None = None
    optimizers: tuple[OptimizerFact, ...] | None = None
    activations: tuple[ActivationFact, ...] | None = None
    affine_pairs: tuple[AffinePairFact, ...] | None = None
    casts: tuple[CastFact, ...] | None = None
    curves: tuple[CurveFact, ...] | None = None
    repeats: tuple[RepeatFact, ...] | None = None
    nonfinite: tuple[NonFiniteFact, ...] | None = None
    interrogations: tuple[InterrogationFact, ...] | None = None
    trials: tuple[TrialFact, ...] | None = None
    evaluations: tuple[EvaluationFact, ...] | None = None
    lr_sweeps: tuple[LrSweepFact, ...] | None = None
    subsets: tuple[SubsetFact, ...] | None = None
    outcome: OutcomeFact | None = None
    halves: tuple[HalfFact, ...] | None = None
    counterparts: CounterpartsFact | None = None
    sequences: tuple[SequenceFact, ...] | None = None
    gradients: tuple[GradientFact, ...] | None = None
    layer_gradients: tuple[LayerGradientFact, ...] | None = None
    dropouts: tuple[DropoutFact, ...] | None = None
    batch_norms: tuple[BatchNormFact, ...] | None = None
    reshapes: tuple[ReshapeFact, ...] | None = None
    conflicts: tuple[ConflictFact, ...] | None = None
    surveys: tuple[SurveyFact, ...] | None = None
    schedules: tuple[ScheduleFact, ...] | None = None
    objectives: tuple[ObjectiveFact, ...] | None = None
    idle_losses: tuple[IdleLossFact, ...] | None = None
    paddings: tuple[PaddingFact, ...] | None = None
    padded_values: tuple[PaddingFact, ...] | None = None
    pulls: tuple[PullFact, ...] | None = None
    decays: tuple[DecayFact, ...] | None = None
    clips: tuple[ClipFact, ...] | None = None
    scalers: tuple[ScalerFact, ...] | None = None
    renewals: tuple[RenewalFact, ...] | None = None
    seeds: tuple[SeedFact, ...] | None = None
    epoch_starts: tuple[EpochStartFact, ...] | None = None
    graphs: tuple[GraphFact, ...] | None = None
    memory: MemoryFact | None = None
    states: tuple[StateFact, ...] | None = None
    writes: tuple[WriteFact, ...] | None = None
    restores: tuple[RestoreFact, ...] | None = None
    printed: tuple[PrintedFact, ...] | None = None
    frozen_stats: tuple[FrozenStatsFact, ...] | None = None
    readings: tuple[ReadingFact, ...] | None = None
    sources: tuple[SourceFact, ...] | None = None
    spares: tuple[SpareFact, ...] | None = None
    rounds: tuple[RoundFact, ...] | None = None
    samplers: tuple[SamplerFact, ...] | None = None
    rank_norms: tuple[RankNormFact, ...] | None = None
    unused: tuple[UnusedFact, ...] | None = None
    feeding: tuple[FeedingFact, ...] | None = None
    transfers: tuple[TransferFact, ...] | None = None
    evaluation_times: tuple[EvaluationTimeFact, ...] | None = None
    reads: tuple[ReadFact, ...] | None = None
    sets: tuple[SetFact, ...] | None = None
    groupings: tuple[GroupingFact, ...] | None = None
    gaps: tuple[GapFact, ...] | None = None
    scenes: tuple[SceneFact, ...] | None = None
    times: tuple[TimesFact, ...] | None = None
    preparations: tuple[PreparationFact, ...] | None = None
    shifts: tuple[ShiftFact, ...] | None = None
    duplicates: tuple[DuplicateFact, ...] | None = None
    pictures: tuple[PicturesFact, ...] | None = None
    batches: tuple[BatchFact, ...] | None = None
    derivatives: tuple[DerivativeFact, ...] | None = None
    lines: tuple[LineFact, ...] | None = None
    logs: tuple[LogFact, ...] | None = None
    failures: dict[str, str] = field(default_factory=dict)


# What only a check of data sets, loaders or gradients themselves gives; no program that is run shows it.
OF_SETS = frozenset({
    "reads", "sets", "groupings", "gaps", "scenes", "times", "shifts", "logs", "transfers",
    "evaluation_times", "duplicates", "pictures", "batches",
})  # fmt: skip


__all__ = [
    "OF_SETS",
    "ActivationFact",
    "AffinePairFact",
    "BroadcastFact",
    "CastFact",
    "CurveFact",
    "ErrorFact",
    "Facts",
    "InterrogationFact",
    "LoaderFact",
    "LossCallFact",
    "NonFiniteFact",
    "OpFact",
    "OptimizerFact",
    "OutcomeFact",
    "ParameterFact",
    "ProgramFact",
    "RepeatFact",
    "RootFact",
    "TensorFact",
    "TrialFact",
]
