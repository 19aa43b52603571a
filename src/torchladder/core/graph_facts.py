"""Rows about what was computed: tensors, losses, non-linearities, and what lies between layers.

A *phase* is the life of one optimizer, a *step* is counted from 0 within its phase.
"""

from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Place


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
        made: Line that made the loss object of torch that was called, None for a function.
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
    made: Place | None = None


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
