"""Facts: typed rows that probes write and rules read. No judgement, no tensors.

``None`` means nobody looked; an empty tuple means somebody looked and saw nothing. A *phase* is
the life of one optimizer: a program that trains twice has two. A *step* is counted from 0 within
its phase. The first steps of a phase are observed densely, the later ones only by their loss.
"""

from dataclasses import dataclass, field
from typing import Any

from torchladder.core.data_facts import SurveyFact
from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.findings import Place
from torchladder.core.loop_facts import (
    EpochStartFact,
    FrozenStatsFact,
    GraphFact,
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
from torchladder.core.schedule_facts import ScheduleFact
from torchladder.core.step_facts import (
    ClipFact,
    DecayFact,
    IdleLossFact,
    ObjectiveFact,
    PaddingFact,
    RenewalFact,
    ScalerFact,
)


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One tensor as it was seen. Moments ignore non-finite values; None for empty tensors.

    Attributes:
        integral: Whether every value is a whole number.
        n_unique: Distinct values, None when more than 1,000 or not looked.
        feature_scale_ratio: For (N, F) floats: largest over smallest per-feature standard deviation
            among features that vary, None otherwise.
        row_sum: Mean over rows of the sum along the last axis, with ``row_sum_spread`` its largest
            deviation; only for 2-D and higher float tensors.
    """

    shape: tuple[int, ...]
    dtype: str
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    n_nan: int = 0
    n_inf: int = 0
    integral: bool = False
    n_unique: int | None = None
    device: str = "cpu"
    requires_grad: bool = False
    feature_scale_ratio: float | None = None
    feature_mean_max: float | None = None
    row_sum: float | None = None
    row_sum_spread: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorFact:
    """The exception that ended the program; ``frames`` are the user's, innermost last."""

    type: str
    message: str
    traceback: str
    frames: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramFact:
    """How one run of the program went.

    Attributes:
        state: "ended", "exited" (non-zero sys.exit), "crashed", "stopped" (our budget of steps),
            "timeout" (our budget of seconds) or "killed" (by a signal).
        training: Whether any backward pass was seen.
        backwards: Number of backward passes seen in all.
        optimizer_steps: Number of optimizer steps seen in all.
        imported: Top-level names of the third-party packages the program loaded.
        hurried_at: Optimizer step from which its training loaders were cut short, None if they were not.
    """

    state: str
    exit_status: int = 0
    error: ErrorFact | None = None
    seconds: float = 0.0
    backwards: int = 0
    optimizer_steps: int = 0
    stdout_tail: str = ""
    imported: tuple[str, ...] = ()
    changed_files: tuple[str, ...] = ()
    peak_memory_bytes: int | None = None
    hurried_at: int | None = None

    @property
    def training(self) -> bool:
        """Whether any backward pass was seen."""
        return self.backwards > 0


@dataclass(frozen=True, slots=True)
class LoaderFact:
    """One DataLoader (or what serves as one).

    Attributes:
        role: "train" when a backward pass followed its batches, else "eval", or "unused".
        iters: How many times iter() was called on it.
        served: Batches handed out in all.
        order: "random", "sequential", "other" (a custom sampler), None for iterable data sets.
        label_runs: Share of neighbouring samples (within and across the batches of one epoch, in the
            order served) with equal labels; ``label_runs_expected`` the share for a random order.
        batch_label_counts: Labels per batch, for the first batches of an epoch: distinct labels in it.
        n_labels: Distinct labels over all batches seen.
        first_iter_places: Lines at which iteration started.
        single_batch_iters: How many of ``iters`` were abandoned after exactly one batch.
    """

    id: int
    role: str
    place: Place | None
    dataset: str
    n_samples: int | None
    batch_size: int | None
    n_batches: int | None
    order: str | None
    drop_last: bool
    num_workers: int
    iters: int
    served: int
    single_batch_iters: int = 0
    iter_places: tuple[Place, ...] = ()
    label_runs: float | None = None
    label_runs_expected: float | None = None
    batch_label_counts: tuple[int, ...] = ()
    n_labels: int | None = None


@dataclass(frozen=True, slots=True)
class RootFact:
    """A module that the training step calls from outside any other module: a model.

    Attributes:
        inputs: Tensors at its entry, in argument order (nested ones flattened), of one dense step.
        output: The first tensor of its output.
        pretrained: Whether parameters were loaded (load_state_dict, from_pretrained) before training.
        first_layer: Class name of the first leaf module called, None if none was.
        training_flags: (step, training flag) at each observed training call.
        place: Line of its first training call of the phase.
        mode_layers: Names of Dropout and BatchNorm layers inside.
        mode_place: Line that last called eval() on it, None if none did.
    """

    name: str
    type: str
    phase: int
    n_parameters: int
    n_trainable: int
    inputs: tuple[TensorFact, ...]
    output: TensorFact | None
    place: Place | None = None
    created: Place | None = None
    pretrained: bool = False
    first_layer: str | None = None
    training_flags: tuple[tuple[int, bool], ...] = ()
    mode_layers: tuple[str, ...] = ()
    mode_layers_training: tuple[str, ...] = ()
    eval_calls: int = 0
    eval_calls_in_training_mode: int = 0
    eval_place: Place | None = None
    mode_place: Place | None = None


@dataclass(frozen=True, slots=True)
class OpFact:
    """One operation of the autograd graph: its function as the user called it, else the node's name.

    Attributes:
        function: Such as "softmax", "relu", "sigmoid", "view", "linear".
        dim: The ``dim`` argument where there is one, as a non-negative axis.
        n_dims: Dimensions of its output.
        module: Path of the module whose forward was running, None outside modules.
        created: Line where that module was constructed, for modules of torch itself.
    """

    function: str
    place: Place | None = None
    module: str | None = None
    module_type: str | None = None
    created: Place | None = None
    dim: int | None = None
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LossCallFact:
    """One call that computes a loss: a function of torch, or hand-written arithmetic.

    Attributes:
        function: "cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "nll_loss" …;
            "custom" when the differentiated scalar came from no loss function of torch.
        input, target: Its first two arguments. For "custom": the model's output and the data tensor
            that the arithmetic compares it with, None when none was found.
        tail: Operations between the first argument and the nearest layer with weights, nearest the
            loss first; "tail" ends before the first affine operation.
        target_tail: The same for the second argument when it requires grad.
        options: reduction, label_smoothing, ignore_index, and whether weight / pos_weight was given.
        differentiated: Whether the tensor given to backward depends on it.
        share: Value of this loss over the differentiated scalar, when both are known.
        lines: For "custom": the user's lines between the model's output and the scalar.
        accuracy: argmax agreement of input with target on that step, for class ids.
    """

    function: str
    phase: int
    step: int
    place: Place | None
    input: TensorFact | None
    target: TensorFact | None
    value: float | None
    tail: tuple[OpFact, ...] = ()
    target_tail: tuple[OpFact, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    differentiated: bool = True
    lines: tuple[Place, ...] = ()
    accuracy: float | None = None
    label_counts: dict[str, int] | None = None
    n_outputs: int | None = None


@dataclass(frozen=True, slots=True)
class BroadcastFact:
    """An element-wise operation in which a (B, 1) tensor met a (B,) one and spread to (B, B).

    ``prediction`` is the operand that requires grad; the other is data without gradient.
    """

    function: str
    phase: int
    place: Place | None
    prediction: tuple[int, ...]
    target: tuple[int, ...]
    result: tuple[int, ...]
    times: int


@dataclass(frozen=True, slots=True)
class ParameterFact:
    """One parameter (or leaf tensor that requires grad) of a phase, over its dense steps.

    Attributes:
        name: As registered ("layer1.weight"), or a description such as "list item `blocks[0].weight`".
        registered: Whether the root's parameters() has it.
        reached: Whether the differentiated loss reached it in any dense step.
        in_optimizer: Whether this phase's optimizer holds it; ``in_any_optimizer`` any one alive.
        used: Whether the forward pass of a training step used it (None: not known).
        grad_norm: Of the last dense step, None if it never had a gradient.
        weight_norm: At the first dense step; ``update_ratio`` the median of |Δw| / |w| over dense steps.
        changed: Whether its bits changed over the dense steps.
        rows_equal: Whether all rows (units) are equal, at the first and at the last dense step.
        grad_rows_equal: Whether all gradient rows were equal, and not all zero, at the last dense step.
        fresh: Whether nothing but its initialisation ever wrote to it before the phase began.
        output_layer: Whether it belongs to the last affine layer before the loss.
        owner: For unregistered ones: where it hangs, such as "self.blocks[0]" (plain list).
        cut: Line of the call that cuts it from the loss, with ``cut_by`` its name.
    """

    name: str
    phase: int
    shape: tuple[int, ...]
    requires_grad: bool
    registered: bool
    reached: bool
    in_optimizer: bool
    in_any_optimizer: bool
    used: bool | None = None
    grad_norm: float | None = None
    grad_zero: bool | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    changed: bool | None = None
    rows_equal: bool | None = None
    grad_rows_equal: bool | None = None
    fresh: bool | None = None
    output_layer: bool = False
    module: str | None = None
    module_type: str | None = None
    created: Place | None = None
    owner: str | None = None
    cut: Place | None = None
    cut_by: str | None = None
    frozen_at: Place | None = None


@dataclass(frozen=True, slots=True)
class OptimizerFact:
    """One optimizer and what each of its steps consumed.

    Attributes:
        n_reached: How many of its tensors the loss reached in any dense step.
        groups: Per group: lr, initial_lr (None without a scheduler), weight_decay, momentum …
        lr_min, lr_max: Over all steps seen, all groups.
        scheduled: Whether the LR changed or a scheduler is attached.
        zero_grad_places, step_places, backward_places: The user's lines, most frequent first.
        zero_grads: Calls seen.
        dense_steps: How many steps the following counts are out of.
        carried_steps: Steps that consumed gradient left over from before the previous step
            (not cleared since), with one or more fresh backward passes.
        backwards_per_step: Median number of backward passes reaching its tensors between steps.
        empty_steps: Steps at which every gradient was None or zero although a backward pass that
            reached its tensors ran since the last step, cleared by a call at ``cleared_place``.
        gradless_steps: Steps at which every gradient was None or zero, whatever the reason.
        closure: Whether step() was given a closure.
        schedule_places: Lines of the functions a LambdaLR was given, and of the scheduler's construction.
    """

    id: int
    phase: int
    type: str
    created: Place | None
    n_tensors: int
    n_reached: int
    n_registered: int
    groups: tuple[dict[str, Any], ...]
    lr_min: float
    lr_max: float
    scheduled: bool
    zero_grad_places: tuple[Place, ...]
    step_places: tuple[Place, ...]
    backward_places: tuple[Place, ...]
    zero_grads: int
    steps: int
    dense_steps: int
    carried_steps: int
    backwards_per_step: float
    empty_steps: int
    gradless_steps: int
    cleared_place: Place | None = None
    closure: bool = False
    update_ratio: float | None = None
    schedule_places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class ActivationFact:
    """A non-linearity over all samples of the dense steps of a phase.

    Attributes:
        units: Number of units (channels or features).
        dead: Units whose output was exactly zero on every sample seen (ReLU-like only).
        saturated: Share of values beyond 0.99 of the range (sigmoid, tanh).
        n_samples: Samples (rows) seen.
    """

    function: str
    phase: int
    step: int
    place: Place | None
    module: str | None
    created: Place | None
    units: int
    dead: int
    zeros: float
    saturated: float | None
    n_samples: int
    feeds: str | None = None
    fed_by: str | None = None


@dataclass(frozen=True, slots=True)
class AffinePairFact:
    """Two affine layers in series with nothing non-linear between.

    ``whole`` is True when the whole graph from the model's entry to the loss's argument has no
    non-linear operation at all. Widths are (in of first, hidden, out of second).
    """

    phase: int
    first: str
    second: str
    widths: tuple[int, ...]
    whole: bool
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class CastFact:
    """A conversion that lost fractions: a float tensor with fractional values made integral."""

    place: Place | None
    call: str
    n_values: int
    before: TensorFact
    after: TensorFact
    reaches_target: bool


@dataclass(frozen=True, slots=True)
class CurveFact:
    """Loss by step of one phase (the differentiated scalar; the sum over backwards of one step).

    ``lrs`` holds the largest learning rate of any group at each step.
    """

    phase: int
    losses: tuple[float, ...]
    lrs: tuple[float, ...] = ()
    grad_norms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RepeatFact:
    """How often consecutive training batches of a phase were identical (first dense steps)."""

    phase: int
    compared: int
    identical: int
    batch_rows: int | None
    available_rows: int | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class NonFiniteFact:
    """The first operation that made NaN or Inf out of finite values.

    Attributes:
        where: "input", "forward" or "backward".
        operand_min, operand_max: Range of the operation's (finite) input.
    """

    where: str
    kind: str
    phase: int
    step: int
    function: str
    place: Place | None
    module: str | None
    operand_min: float | None
    operand_max: float | None
    max_weight: float | None = None
    loss_before: float | None = None


@dataclass(frozen=True, slots=True)
class InterrogationFact:
    """What direct questions to the model showed, on one batch, after the same-batch run.

    Attributes:
        input_dependence: Largest relative change of the output when the input was replaced by
            another (permuted rows) one; 0 means the input is ignored. None: could not be asked.
        untrained_dependence: The same before the first step: what is 0 there is built in.
        mixing: Largest relative change of other samples' outputs when one sample is perturbed, in
            evaluation mode; ``mixing_samples`` how many rows the batch had; None: could not be asked.
        reason: Why something is None.
    """

    phase: int
    input_dependence: float | None = None
    untrained_dependence: float | None = None
    mixing: float | None = None
    mixing_samples: int | None = None
    eval_accuracy: float | None = None
    place: Place | None = None
    module: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TrialFact:
    """One experiment on one phase: the same batch for ever, with or without changes.

    Attributes:
        changes: Kinds of the changes applied, "" when none: ``label`` is unique within a report.
        losses: The differentiated loss at each step.
        floor: What a perfect fit would reach (label smoothing, soft targets), with ``chance`` the loss
            of the best answer that ignores the input on this batch; None when unknown.
        accuracy: argmax agreement on the batch at the end, for class ids.
        passed: True, False, or None when it cannot be judged; ``reason`` says why.
    """

    label: str
    phase: int
    losses: tuple[float, ...]
    passed: bool | None
    reason: str
    steps: int = 0
    steps_to_pass: int | None = None
    floor: float | None = None
    chance: float | None = None
    accuracy: float | None = None
    rows: int | None = None
    seconds: float = 0.0
    state: str = "stopped"


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
    decays: tuple[DecayFact, ...] | None = None
    clips: tuple[ClipFact, ...] | None = None
    scalers: tuple[ScalerFact, ...] | None = None
    renewals: tuple[RenewalFact, ...] | None = None
    seeds: tuple[SeedFact, ...] | None = None
    epoch_starts: tuple[EpochStartFact, ...] | None = None
    graphs: tuple[GraphFact, ...] | None = None
    states: tuple[StateFact, ...] | None = None
    writes: tuple[WriteFact, ...] | None = None
    restores: tuple[RestoreFact, ...] | None = None
    printed: tuple[PrintedFact, ...] | None = None
    frozen_stats: tuple[FrozenStatsFact, ...] | None = None
    readings: tuple[ReadingFact, ...] | None = None
    sources: tuple[SourceFact, ...] | None = None
    spares: tuple[SpareFact, ...] | None = None
    failures: dict[str, str] = field(default_factory=dict)
