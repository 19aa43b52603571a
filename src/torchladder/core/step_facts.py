"""What was seen of single steps: the scalar that is differentiated, decay, clipping, loss scaling, renewal."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class ObjectiveFact:
    """The scalars differentiated at one line, over the dense steps of a phase.

    Attributes:
        place: Line of the backward call.
        losses: Lines of the loss calls it depends on; ``functions`` their names, in the same order.
        reductions: Their ``reduction`` options.
        passes: Backward passes seen there.
        per_step: Median number of them between two steps of the optimizer.
        scale: Median of the scalar over the (sum of the) losses' values, None when not known or not steady.
        elements: Median number of values the loss adds up, None when unknown.
        negated: Name of the loss of which a hand-written scalar is exactly the negative, None if of none.
        values: The (sum of the) losses' values, or the hand-written scalar's, in order.
    """

    phase: int
    place: Place | None
    losses: tuple[Place, ...]
    functions: tuple[str, ...]
    reductions: tuple[str, ...]
    passes: int
    per_step: float
    scale: float | None
    elements: float | None = None
    negated: str | None = None
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IdleLossFact:
    """A loss computed in training steps, with a graph, that no backward pass ever reached.

    Attributes:
        times: Training steps in which it was computed.
        lonely: Names of parameters that it reaches, that an optimizer holds and that no backward pass reached.
    """

    function: str
    place: Place | None
    times: int
    lonely: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaddingFact:
    """Targets of a sequence loss that end in runs of one id, or of zeros where they are values.

    Attributes:
        id: The id of the runs; ``share`` of all positions that lie in such runs at the end of a row.
        rows_ending: Share of rows that end in a run of it; ``run_min``, ``run_max`` their lengths.
        elsewhere: Share of the other positions that hold the same id.
        width: Positions a row.
        ignored: Whether the loss ignores that id, or weighs its positions with 0 or not at all; for values,
            whether no gradient arrives at them.
        calls: Loss calls seen.
        by_input: Whether the runs are those of the model's input: there all targets are ``id``, and ``elsewhere``
            is about the input's value.
    """

    phase: int
    function: str
    place: Place | None
    id: int
    share: float
    rows_ending: float
    run_min: int
    run_max: int
    elsewhere: float
    width: int
    ignored: bool
    calls: int
    by_input: bool = False


@dataclass(frozen=True, slots=True)
class DecayFact:
    """Weight decay of one optimizer beside its gradient, at dense steps.

    Attributes:
        decoupled: Whether it multiplies the weights (AdamW) instead of joining the gradient.
        ratios: |decay term| / |gradient| at the first dense steps (decoupled: |decay| / |whole update|).
        shrink: Share by which one step shrinks the weights: learning rate x decay.
        weight_first, weight_last: Norm of the decayed weights.
    """

    phase: int
    weight_decay: float
    decoupled: bool
    ratios: tuple[float, ...]
    shrink: float
    weight_first: float
    weight_last: float


@dataclass(frozen=True, slots=True)
class ClipFact:
    """Calls that clip gradients at one line.

    Attributes:
        kind: "norm" or "value"; ``limit`` its largest norm or value.
        calls: Calls seen in dense steps.
        before_backward: Of these, with no backward pass since the last step and gradients cleared.
        after_step: Of these, with no backward pass since the last step, gradients still there.
        empty: Of these, given no tensor at all (an exhausted generator).
        strange: Of these, given tensors none of which any optimizer holds.
        scaled: Of these, on gradients that a GradScaler had not yet unscaled.
        norm_min, norm_median: Of the gradients it was given, where they were fresh.
    """

    kind: str
    place: Place | None
    phase: int
    limit: float
    calls: int
    before_backward: int
    after_step: int
    empty: int
    strange: int
    scaled: int
    norm_min: float | None
    norm_median: float | None


@dataclass(frozen=True, slots=True)
class ScalerFact:
    """One enabled GradScaler, or training under float16 autocast without any.

    Attributes:
        created: Line that built it, or that entered autocast.
        scaled: Calls of scale(); ``unscaled_backwards`` backward passes on a loss it had not scaled.
        steps, updates, unscales: Calls of step(), update() and unscale_().
        bare_steps: Optimizer steps made around it on scaled gradients.
        skipped: Steps it left out because of non-finite gradients.
        first, last: Its scale at the beginning and at the end.
        missing: Whether there is no scaler: float16 autocast alone.
    """

    created: Place | None
    scaled: int = 0
    unscaled_backwards: int = 0
    steps: int = 0
    updates: int = 0
    unscales: int = 0
    bare_steps: int = 0
    skipped: int = 0
    first: float | None = None
    last: float | None = None
    missing: bool = False
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class RenewalFact:
    """Optimizers made again and again at one line over the same, still trained tensors.

    Attributes:
        made: Optimizers built there; ``renewed`` of these over the tensors of the one before, with the
            same settings, the same data, at most one pass over it, and the weights as that one left them.
        steps_each: Median steps of those that were replaced.
        stateful: Whether they carry state from step to step (moments, momentum).
    """

    type: str
    place: Place | None
    made: int
    renewed: int
    steps_each: float
    stateful: bool
