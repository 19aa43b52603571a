"""Rows about experiments on one batch: the trials, direct questions, and the first non-finite value.

A *phase* is the life of one optimizer, a *step* is counted from 0 within its phase.
"""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class NonFiniteFact:
    """The first operation that made NaN or Inf out of finite values.

    Attributes:
        where: "input", "weight" (a parameter or buffer), "forward" or "backward".
        function: The operation, or the first that was given bad data or a bad weight; "unknown" when nothing is proved.
        operand_min, operand_max: Range of the operation's (finite) input.
        note: What limits the answer, or why there is none.
        lost: Whether the loss of that very step was not finite; otherwise it is told by the losses that follow.
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
    note: str | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class TurnedFact:
    """What an untrained model makes of one batch with square weights transposed.

    Attributes:
        names: The weights that were transposed together, of those tried the ones that helped most.
        rows: Samples in the batch.
        right: Share of them that is classified rightly as the weights lie, ``turned`` with them transposed.
        place: Line that wrote the first of them, or that made its layer.
    """

    names: tuple[str, ...]
    rows: int
    right: float
    turned: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class InterrogationFact:
    """What direct questions to the model showed, on one batch, after the same-batch run.

    Attributes:
        input_dependence: Largest relative change of the output when the input was replaced by
            another (permuted rows) one; 0 means the input is ignored. None: could not be asked.
        untrained_dependence: The same before the first step: what is 0 there is built in.
        mixing: Largest relative change of other samples' outputs when one sample is perturbed, in
            evaluation mode; ``mixing_samples`` how many rows the batch had; None: could not be asked.
        function, batch_axis: Of a reshape at ``place`` that mixes samples: its name, and the axis of its operand,
            not the first, that holds the batch.
        turned: What transposing square weights would do, asked before the first step.
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
    function: str | None = None
    batch_axis: int | None = None
    turned: TurnedFact | None = None


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
        turns: Times that another optimizer made a step from a loss of its own between two steps of this phase.
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
    turns: int = 0
