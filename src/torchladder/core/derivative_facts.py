"""Rows about hand-written gradients: each checked tensor, beside differences of the function's own values."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class DerivativeFact:
    """The gradient of one parameter or input.

    Attributes:
        name: Dotted name of the parameter, or the argument's name.
        kind: "parameter" or "input".
        shape: Of the tensor.
        state: "right"; "differs": gradient and differences disagree beyond what differences can be wrong by;
            "absent": there is no gradient, yet the outputs depend on the tensor; "nonfinite": the gradient holds NaN or
            Inf where the differences are finite; "shape": the gradient has another shape; "unused": neither depends;
            "left-out": an input that is not differentiated; "unknown": ``reason`` says why.
        analytic, numeric: At ``element``, or along a random direction where ``element`` is None.
        relative: |analytic - numeric| / max(|analytic|, |numeric|, 1e-8).
        element: Index of the element that was found to disagree.
        looked, wrong: Elements compared one by one, and those that disagree.
        pattern: What the elements that disagree have in common, in words.
        culprit: The function or layer whose own backward pass is wrong; ``argument`` for which of its arguments.
        first: Whether the error arises here; others follow from it.
        where: The backward pass of the culprit.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    state: str
    analytic: float | None = None
    numeric: float | None = None
    relative: float | None = None
    element: tuple[int, ...] | None = None
    looked: int = 0
    wrong: int = 0
    pattern: str | None = None
    culprit: str | None = None
    argument: str | None = None
    first: bool = True
    reason: str | None = None
    where: Place | None = None
