"""Rows about one run of a program: how it went, and what it trained with.

A *phase* is the life of one optimizer, a *step* is counted from 0 within its phase.
"""

from dataclasses import dataclass
from typing import Any

from torchladder.core.findings import Place
from torchladder.core.graph_facts import TensorFact


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
        by_library: Whether a library's loop iterates it, not a line of the user's.
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
    by_library: bool = False
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
        mode_place: Line that last called eval() on it, None if none did; ``mode_lines`` those that led there.
        given: Line that gave its value to the name which the first training call is given.
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
    mode_lines: tuple[Place, ...] = ()
    given: Place | None = None


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
        grown: Norm at the last look over that at the first, None where the first is 0 or nobody looked on.
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
    grown: float | None = None
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
    filled_at: Place | None = None


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
        gradless_steps: Steps at which every gradient was None or zero, whatever the reason; ``idle_steps`` how
            many of them were the last dense steps in a row, ``idle_from`` the step they begin at.
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
    idle_steps: int = 0
    idle_from: int = 0


@dataclass(frozen=True, slots=True)
class CurveFact:
    """Loss by step of one phase (the differentiated scalar; the sum over backwards of one step).

    ``lrs`` holds the largest learning rate of any group at each step; of a long run that was watched both hold every
    ``stride``-th step.
    """

    phase: int
    losses: tuple[float, ...]
    lrs: tuple[float, ...] = ()
    stride: int = 1


@dataclass(frozen=True, slots=True)
class RepeatFact:
    """How often consecutive training batches of a phase were identical (first dense steps)."""

    phase: int
    compared: int
    identical: int
    batch_rows: int | None
    available_rows: int | None
    place: Place | None
