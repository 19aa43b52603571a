"""The loss does not match what it is given: its input or its targets are of another kind.

## What is wrong
`nll_loss` without log-probabilities, `kl_div` without logarithms, `binary_cross_entropy` on logits,
`cross_entropy` on rows with several labels, a bounded output against targets beyond its bounds, or
a hand-written formula whose smallest value does not mean the right answer.

## Why it hurts
The loss can be lowered without getting better, or cannot be lowered at all: the negative
log-likelihood of raw scores falls below every bound, and a tanh never reaches a target of 3.

## How it is found
The function called, the range and row sums of its arguments, and the operations between the last
layer and the loss, in the first training steps. A hand-written loss is suspected when one batch
brings it near zero while the labels are still answered wrongly; the same batch under
`cross_entropy` decides.

## What to do
Use the loss that fits: `cross_entropy` for logits and class ids, `nll_loss` after `log_softmax`,
`binary_cross_entropy_with_logits` for several labels or binary logits, `mse_loss` on an unbounded
output for regression.

## When it is a false alarm
`nll_loss` after any logarithm, log-densities above 0 included; soft targets whose rows sum to 1
(mixup, smoothing, distillation); baskets of many items as one multinomial (recommenders); bounded
outputs that are rescaled afterwards; ordinal and Brier-score regression; policy gradients,
contrastive and ranking losses, which reach no zero while answers are wrong.

## Sources
https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html and KLDivLoss.html
https://discuss.pytorch.org/t/how-to-write-custom-crossentropyloss/58072
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts, LossCallFact, OpFact, TensorFact
from torchladder.core.findings import (
    Change,
    Finding,
    Fix,
    Measurement,
    Severity,
    Standing,
    Trust,
)
from torchladder.rules.registry import Plant, limit, rule

ELEMENTWISE = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
MOVES = {
    "view", "reshape", "squeeze", "unsqueeze", "flatten", "permute", "transpose", "contiguous", "t",
    "__getitem__", "select", "slice", "clone", "movedim", "float", "view_as", "reshape_alias", "to",
}  # fmt: skip
BOUNDS = {
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}
NOT_PROBABILITIES = "all elements of input should be between 0 and 1"
BINARY_LOGITS = "binary_cross_entropy_with_logits"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far arguments may stray from their kind."""

    slack: float = limit(1e-3, unit="nats or probability", why="rounding, and eps inside a log")
    beyond: float = limit(0.25, unit="of the output's range", why="targets a little out of reach cost next to nothing")
    max_labels: float = limit(100, unit="outputs", why="recommenders model large baskets as one multinomial on purpose")
    fell: float = limit(0.1, unit="of the first loss", why="a cross-entropy this low answers nearly all rows right")
    accuracy: float = limit(0.9, unit="share of rows", why="a batch that is memorised is answered right")


@rule(
    "TL302",
    rung=2,
    severity=Severity.ERROR,
    needs=("loss_calls",),
    limits=Limits,
    explains=("TL203", "TL212", "TL215", "TL220", "TL303", "TL401", "TL402"),
    plants=(
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.nll_loss(logits, yb)"),
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.nll_loss(logits.softmax(dim=1), yb)"),
        Plant("tabular", "criterion = nn.BCEWithLogitsLoss()", "criterion = nn.BCELoss()", crashes=True),
        Plant(
            "digits_cnn",
            "loss = F.cross_entropy(logits, yb)",
            "wrong = logits.exp().sum(1) - logits.exp()[torch.arange(len(yb)), yb]\n        loss = wrong.mean()",
        ),
        Plant("regression", "    nn.Linear(64, 1),\n", "    nn.Linear(64, 1),\n    nn.Sigmoid(),\n"),
    ),
    near_misses=(
        Plant("digits_cnn", "F.cross_entropy(logits, yb)", "F.nll_loss(logits.log_softmax(dim=1), yb)"),
        Plant(
            "digits_cnn",
            "F.cross_entropy(logits, yb)",
            "F.nll_loss(logits - logits.logsumexp(dim=1, keepdim=True), yb)",
        ),
        Plant(
            "tabular",
            "loss = criterion(logits, yb)",
            "loss = nn.functional.binary_cross_entropy(logits.sigmoid(), yb)",
        ),
        Plant(
            "digits_cnn",
            "loss = F.cross_entropy(logits, yb)",
            "right = logits[torch.arange(len(yb)), yb]\n        loss = (logits.exp().sum(1).log() - right).mean()",
        ),
    ),
)
def loss_wrong_function(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding per line whose loss is given another kind of tensor than it takes."""
    seen = set()
    for call in facts.loss_calls or ():
        if call.input is None or call.target is None or (call.place, call.function) in seen:
            continue
        found = _judge(facts, call, call.input, call.target, limits)
        if found is not None:
            seen.add((call.place, call.function))
            yield found


def _judge(facts: Facts, call: LossCallFact, given: TensorFact, target: TensorFact, limits: Limits) -> Finding | None:
    """Return the finding for one call, by its function."""
    if target.requires_grad and not given.requires_grad and call.function != "custom":
        return None  # swapped arguments are another cause
    if not call.differentiated and call.value is not None:
        return None
    if call.function == "nll_loss":
        return _nll(call, given, limits)
    if call.function == "kl_div":
        return _kl(call, given, limits)
    if call.function == "binary_cross_entropy":
        return _binary(facts, call, given)
    if call.function == "cross_entropy":
        return _cross_entropy(facts, call, given, target, limits)
    if call.function in ELEMENTWISE:
        return _bounded(call, target, limits)
    return _custom(facts, call, given, target, limits) if call.function == "custom" else None


def _nll(call: LossCallFact, given: TensorFact, limits: Limits) -> Finding | None:
    kind = _not_logarithms(call, given, limits)
    if kind is None:
        return None
    by = "cross_entropy" if kind == "raw scores" else "nll_of_log_softmax"
    return _finding(
        call,
        f"`nll_loss` is given {kind}, not log-probabilities",
        (_range(given, "never above 0"), Measurement("loss", call.value, expected="never below 0")),
        "expects the output of log_softmax",
        Fix("use cross_entropy on the logits, or log_softmax", Trust.LIKELY, _replace(call, by)),
    )


def _kl(call: LossCallFact, given: TensorFact, limits: Limits) -> Finding | None:
    kind = _not_logarithms(call, given, limits)
    if kind is None:
        return None
    change = _replace(call, "kl_of_log") if kind == "probabilities" else None
    return _finding(
        call,
        f"`kl_div` is given {kind}, not log-probabilities",
        (_range(given, "never above 0"), Measurement("loss", call.value, expected="never below 0")),
        "expects the logarithm of probabilities",
        Fix("pass log_softmax(logits) as the first argument", Trust.LIKELY, change),
    )


def _not_logarithms(call: LossCallFact, given: TensorFact, limits: Limits) -> str | None:
    """Return what a loss of log-probabilities was given instead, or None when nothing is wrong."""
    if given.max is None or given.min is None or given.max <= limits.slack:
        return None
    if any("log" in op.function for op in call.tail):
        return None
    inside = given.min >= 0 and given.max <= 1 + limits.slack
    sums = given.row_sum is not None and abs(given.row_sum - 1) <= limits.slack
    softmax = any(op.function in {"softmax", "sigmoid"} for op in call.tail)
    return "probabilities" if inside and (sums or softmax) else "raw scores"


def _binary(facts: Facts, call: LossCallFact, given: TensorFact) -> Finding | None:
    """Return a finding when the program ended because a BCE was given logits."""
    error = facts.program.error if facts.program else None
    if error is None or NOT_PROBABILITIES not in error.message or call.value is not None:
        return None
    if given.min is None or given.max is None or given.n_nan or (given.min >= 0 and given.max <= 1):
        return None
    return _finding(
        call,
        "`binary_cross_entropy` is given logits, not probabilities",
        (_range(given, [0, 1]),),
        "expects values between 0 and 1",
        Fix("use binary_cross_entropy_with_logits", Trust.LIKELY, _replace(call, BINARY_LOGITS)),
    )


def _cross_entropy(
    facts: Facts, call: LossCallFact, given: TensorFact, target: TensorFact, limits: Limits
) -> Finding | None:
    """Return a finding for rows with several labels, and for fractions where class ids belong."""
    if target.shape != given.shape:
        return _fractions(facts, call, target)
    if target.row_sum is None or target.row_sum_spread is None or len(given.shape) != 2:  # noqa: PLR2004
        return None
    zero_one = target.integral and target.min == 0 and target.max == 1
    # Rows of at most one label have sums 0 or 1, which bounds the spread about their mean.
    widest = max(target.row_sum, 1 - target.row_sum) + limits.slack
    several = target.row_sum > 1 + limits.slack or target.row_sum_spread > widest
    if not (zero_one and several) or given.shape[1] > limits.max_labels:
        return None
    return _finding(
        call,
        "`cross_entropy` is given rows with several labels each",
        (
            Measurement("labels per row", target.row_sum, "on average", expected=1),
            Measurement("largest deviation from it", target.row_sum_spread, expected=0),
        ),
        "softmax outputs compete for a single label",
        Fix("use binary_cross_entropy_with_logits", Trust.LIKELY, _replace(call, BINARY_LOGITS)),
        severity=Severity.WARNING,
    )


def _fractions(facts: Facts, call: LossCallFact, target: TensorFact) -> Finding | None:
    """Return a finding when the program ended because fractional numbers came as class ids."""
    error = facts.program.error if facts.program else None
    if error is None or call.value is not None or target.integral or "float" not in target.dtype:
        return None
    return _finding(
        call,
        "`cross_entropy` is given fractional numbers as labels",
        (_range(target, "class ids"),),
        "expects class ids; regression takes another loss",
        Fix("use mse_loss for a continuous target", Trust.IDEA),
    )


def _bounded(call: LossCallFact, target: TensorFact, limits: Limits) -> Finding | None:
    """Return a finding when the output's last operation cannot reach the targets."""
    op = _last(call.tail)
    bounds = BOUNDS.get(op.function) if op else None
    if op is None or bounds is None or target.min is None or target.max is None:
        return None
    low, high = bounds
    room = limits.beyond * (high - low)
    if target.min >= low - room and target.max <= high + room:
        return None
    change = None
    if op.place is not None:
        args = {"path": op.place.path, "line": op.place.line, "function": op.function}
        change = Change("skip_call", args)
    return _finding(
        call,
        f"`{op.function}` ends in [{low:g}, {high:g}]; targets run from {target.min:.4g} to {target.max:.4g}",
        (Measurement("smallest and largest target", [target.min, target.max], expected=[low, high]),),
        "compares with targets that the output cannot reach",
        Fix(f"remove the final {op.function}, or scale the targets", Trust.LIKELY, change),
    )


def _last(tail: tuple[OpFact, ...]) -> OpFact | None:
    """Return the operation nearest the loss that does more than move values."""
    return next((op for op in tail if op.function not in MOVES), None)


def _custom(facts: Facts, call: LossCallFact, given: TensorFact, target: TensorFact, limits: Limits) -> Finding | None:
    """Return a suspicion when a hand-written loss is low although the answers are wrong."""
    if len(given.shape) != 2 or not target.integral or target.max is None:  # noqa: PLR2004
        return None
    rows, outputs = given.shape
    ids = target.shape in {(rows,), (rows, 1)} and (target.min or 0) >= 0 and target.max < outputs
    base = next((t for t in facts.trials or () if t.label == "base" and t.phase == call.phase), None)
    if not ids or outputs < 2 or base is None or base.accuracy is None or not base.losses:  # noqa: PLR2004
        return None
    first, last = base.losses[0], base.losses[-1]
    weighed = call.options.get("other_data", 0)  # returns of a policy, say: what is chosen is not what is right
    if first <= 0 or not 0 <= last <= limits.fell * first or base.accuracy >= limits.accuracy or weighed:
        return None
    return _finding(
        call,
        "the hand-written loss is near zero while answers are wrong",
        (
            Measurement("loss on one batch", last, step=len(base.losses) - 1),
            Measurement("accuracy on that batch", base.accuracy, "share", expected=1),
        ),
        "can be small without the right answer",
        Fix("use cross_entropy on the logits", Trust.LIKELY, _replace(call, "cross_entropy")),
        standing=Standing.SUSPECTED,
    )


def _range(tensor: TensorFact, expected: object) -> Measurement:
    return Measurement("smallest and largest value", [tensor.min, tensor.max], expected=expected)


def _replace(call: LossCallFact, by: str) -> Change | None:
    if call.place is None:
        return None
    args = {"path": call.place.path, "line": call.place.line, "function": call.function, "by": by}
    return Change("replace_loss", args)


def _finding(
    call: LossCallFact,
    message: str,
    seen: tuple[Measurement, ...],
    remark: str,
    fix: Fix,
    *,
    severity: Severity | None = None,
    standing: Standing = Standing.PROVEN,
) -> Finding:
    places = call.lines or ((call.place,) if call.place else ())
    return loss_wrong_function.finding(
        message,
        severity=severity,
        where=places,
        seen=seen,
        remark=remark,
        fixes=(fix,),
        standing=standing,
        phase=call.phase,
    )
