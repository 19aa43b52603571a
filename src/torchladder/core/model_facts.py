"""Rows about what happens inside a model: positions of sequences, gradients by depth, noise, layouts, weights."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class SequenceFact:
    """One input sequence of a model against the targets of its loss, position by position.

    Attributes:
        agreement: Share of positions at which the target equals the input ``offset`` positions on
            (keys "-1", "0", "1", "2"), among positions whose neighbours all differ.
        positions: How many positions that is.
        shape: (samples, length) of the input; ``length`` how many positions of it have a target.
        axis: The axis of the input along which it is a sequence.
        leak: Change of the outputs before a position when only later inputs are changed, relative to the
            change after it. None: could not be asked.
        own: Change of the output at a position when the input there is changed, on the same scale.
        back: Change of the outputs after it by the same: whether outputs look back at all.
        changes: Whether the input changes the output at all; None: could not be asked.
        integral: Whether the input holds ids rather than values.
        cut: Line of the training data set that cuts a sequence one place later, if it has one.
        module, created: The layer that looks ahead and the line that made it, else the model; ``mixed`` the
            line in that layer at which positions meet.
    """

    phase: int
    place: Place | None
    function: str
    shape: tuple[int, ...]
    length: int
    axis: int
    agreement: dict[str, float]
    positions: int
    integral: bool = True
    cut: Place | None = None
    leak: float | None = None
    own: float | None = None
    back: float | None = None
    changes: bool | None = None
    module: str | None = None
    created: Place | None = None
    mixed: Place | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GradientFact:
    """Norm of all gradients of a phase's optimizer, at the steps looked at.

    Attributes:
        norms: As the optimizer used them.
        raw: As the last backward pass before left them; larger than ``norms`` where they were clipped.
        weight_norm: Norm of all weights at the first look.
    """

    phase: int
    steps: tuple[int, ...]
    norms: tuple[float, ...]
    raw: tuple[float, ...]
    weight_norm: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class LayerGradientFact:
    """Relative gradient |g| / |w| of one weight matrix at each dense step.

    Attributes:
        depth: Its turn in the forward pass, from 0; ``layers`` how many weight matrices took a turn.
    """

    phase: int
    name: str
    depth: int
    layers: int
    ratios: tuple[float, ...]
    steps: tuple[int, ...] = ()
    function: str = "linear"
    module: str | None = None
    created: Place | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class DropoutFact:
    """One dropout of the program.

    Attributes:
        p: The largest probability it was called with while it was active.
        active: Calls in training mode in which values were dropped.
        active_in_eval: The same while the model was in evaluation mode.
        gated: Whether the line (or the layer) says when it is active.
    """

    function: str
    p: float
    active: int
    active_in_eval: int
    gated: bool
    place: Place | None = None
    module: str | None = None
    created: Place | None = None


@dataclass(frozen=True, slots=True)
class BatchNormFact:
    """One batch norm over its calls in training mode.

    Attributes:
        rows_min, rows_usual: Samples of the smallest and of the most frequent batch.
        values_usual: Numbers a mean is taken over in the most frequent batch (samples times places).
        gap: Difference between the model's outputs for one batch with batch statistics and with running
            ones, relative to how far the latter spread; None when nobody asked.
    """

    rows_min: int
    rows_usual: int
    values_usual: int
    calls: int
    momentum: float | None = None
    gap: float | None = None
    layers: int = 1
    module: str | None = None
    created: Place | None = None


@dataclass(frozen=True, slots=True)
class ReshapeFact:
    """A view or reshape whose result has the sizes of its operand in another order, moving no axis.

    With ``fine``, of two axes that are joined, or of an axis that is split, in another order.

    Attributes:
        kind: "data", "hidden" (inside the model), "weight" (written to a parameter) or "entry" (no call
            was seen, but the model's input reads as pictures only in another order).
        axes: What ``permute`` would be given, after a view as ``fine`` where an axis is split or joined as well.
        rough, rough_permuted: Squared step between neighbours over twice the variance along the axis that
            tells most: 1 for noise, near 0 for smooth data. As it is, and permuted instead.
        parameter: Name of the parameter it was written to, at ``written``.
    """

    kind: str
    function: str
    place: Place | None
    before: tuple[int, ...]
    after: tuple[int, ...]
    axes: tuple[int, ...]
    rough: float | None = None
    rough_permuted: float | None = None
    parameter: str | None = None
    written: Place | None = None
    module: str | None = None
    times: int = 1
    fine: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictFact:
    """Samples of one batch that have equal inputs and different labels."""

    phase: int
    rows: int
    conflicting: int
