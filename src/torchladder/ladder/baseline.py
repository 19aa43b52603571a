"""What an answer that ignores the input costs: the yardsticks of rung 2, as functions of facts.

Every value is per element of the loss, whatever its reduction: a sum is divided by its terms first.
"""

import math
from dataclasses import dataclass, field

from torchladder.core.facts import CurveFact, LossCallFact, TensorFact
from torchladder.experiments.judge import BINARY, CLASSIFICATION, binary_entropy, entropy_of_smoothing

IGNORED = -100  # torch's default for ignore_index
UNBALANCED = 3.0  # classes further apart than this are called unbalanced; samples alone give 2 : 1
SUMS_TO_ONE = 1e-3  # how far from 1 a row of probabilities may be after rounding
ABSOLUTE = {"l1_loss", "smooth_l1_loss", "huber_loss"}


@dataclass(frozen=True, slots=True)
class Baseline:
    """The yardsticks of one loss.

    Attributes:
        loss: At step 0, per element; None when it was not seen as one number.
        chance: Of an untrained model that spreads its answer evenly, or of the mean predictor.
        words: How ``chance`` is written, such as "ln 10".
        blind: Of the best answer that ignores the input: the entropy of the labels, the variance.
        floor: Of a perfect fit, where that is not 0.
        notes: What else a reader must know to compare.
    """

    loss: float | None
    chance: float | None = None
    words: str = ""
    blind: float | None = None
    floor: float | None = None
    notes: tuple[str, ...] = field(default=())


def counted(counts: dict[str, int], call: LossCallFact) -> dict[str, int]:
    """Return label counts without the label the loss leaves out."""
    left_out = str(call.options.get("ignore_index", IGNORED))
    return {k: n for k, n in counts.items() if k != left_out}


def entropy(counts: dict[str, int]) -> float:
    """Return the entropy, in nats, of the label frequencies.

    Source:
        Cover and Thomas, Elements of Information Theory, section 2.1 (entropy).
    """
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values() if n) + 0.0 if total else 0.0


def balance(counts: dict[str, int]) -> float:
    """Return how many times as frequent the most frequent label is as the least frequent one seen."""
    return max(counts.values()) / max(min(counts.values()), 1)


def terms(call: LossCallFact) -> float | None:
    """Return how many terms the loss adds up: labels (by their weight) for classes, values for the rest."""
    if call.target is None:
        return None
    weights = call.options.get("class_weights")
    if call.label_counts is None or call.function not in CLASSIFICATION:
        soft = call.function in CLASSIFICATION and len(call.target.shape) > 1
        n = math.prod(call.target.shape)
        return float(n // max(_classes(call), 1) if soft else n)
    counts = counted(call.label_counts, call)
    if weights:
        return sum(n * weights[int(k)] for k, n in counts.items() if 0 <= int(k) < len(weights))
    return float(sum(counts.values()))


def _classes(call: LossCallFact) -> int:
    """Return K: the second axis of (N, K, ...) predictions."""
    if call.input is not None and len(call.input.shape) > 1 and call.function in CLASSIFICATION:
        return call.input.shape[1]
    return call.n_outputs or 0


def at_start(call: LossCallFact, curve: CurveFact | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the loss at step 0 per element, and what was done to get it."""
    reduction = call.options.get("reduction")
    if call.value is None:
        first = curve.losses[0] if curve is not None and curve.losses else None
        if first is None or math.isnan(first):
            return None, ()
        return first, ("as the program itself reduced it",)
    if reduction == "sum":
        n = terms(call)
        if n:
            return call.value / n, (f"a sum of {call.value:.4g} over {n:,.4g} terms",)
    return call.value, ()


def baseline(call: LossCallFact, counts: dict[str, int], curve: CurveFact | None = None) -> Baseline:
    """Return the yardsticks of a loss.

    Args:
        call: Its first call.
        counts: Samples per label over all steps seen.
        curve: The differentiated scalar by step, for losses that the program reduces itself.
    """
    loss, notes = at_start(call, curve)
    if call.function in CLASSIFICATION:
        return _classification(call, counted(counts, call), loss, notes)
    if call.function in BINARY and call.target is not None:
        return _binary(call, call.target, loss, notes)
    if call.function == "mse_loss" and call.target is not None and call.target.std is not None:
        blind = call.target.std**2
        if blind == 0:
            return Baseline(loss, notes=(*notes, "all targets seen are equal"))
        return Baseline(loss, blind, "the variance of the targets", blind, notes=notes)
    if call.function in ABSOLUTE and call.target is not None and call.target.std:
        spread = f"the targets' standard deviation is {call.target.std:.4g}"
        return Baseline(loss, notes=(*notes, spread))
    if call.function == "custom" and call.label_counts and (call.n_outputs or 0) > 1:
        k = call.n_outputs or 0
        return Baseline(
            loss, notes=(*notes, f"hand-written; for cross entropy chance would be {math.log(k):.4g} = ln {k}")
        )
    return Baseline(loss, notes=notes)


def _classification(call: LossCallFact, counts: dict[str, int], loss: float | None, notes: tuple[str, ...]) -> Baseline:
    k = _classes(call)
    if k < 2:  # noqa: PLR2004 - one class is no choice
        return Baseline(loss, notes=notes)
    smoothing = float(call.options.get("label_smoothing") or 0.0)
    weighted = bool(call.options.get("weight"))
    floor = entropy_of_smoothing(smoothing, k) if smoothing and not weighted else None
    if smoothing and not weighted:
        notes = (*notes, f"label smoothing leaves a floor of {floor:.3g}")
    if smoothing and weighted:
        return Baseline(loss, notes=(*notes, "class weights with label smoothing have no simple chance"))
    if not call.label_counts:
        return _soft(call, k, loss, notes)
    # Dividing by the summed weights makes an even answer cost ln K whatever the weights are.
    if weighted:
        notes = (*notes, "class weights do not change it")
    blind = entropy(counts) if counts and not weighted and not smoothing else None
    return Baseline(loss, math.log(k), f"ln {k}", blind, floor, notes)


def _soft(call: LossCallFact, k: int, loss: float | None, notes: tuple[str, ...]) -> Baseline:
    """Probabilities as targets: an even answer still costs ln K where they sum to one."""
    target = call.target
    sums = target is not None and target.row_sum is not None and abs(target.row_sum - 1) < SUMS_TO_ONE
    if not sums or call.options.get("weight"):
        return Baseline(loss, notes=notes)
    return Baseline(
        loss, math.log(k), f"ln {k}", notes=(*notes, "the targets are soft, so the floor is their own entropy")
    )


def _binary(call: LossCallFact, target: TensorFact, loss: float | None, notes: tuple[str, ...]) -> Baseline:
    if call.options.get("weight") or call.options.get("pos_weight"):
        return Baseline(loss, notes=(*notes, "weighted, so ln 2 is not its chance"))
    single = len(target.shape) < 2 or target.shape[-1] == 1  # noqa: PLR2004 - (N,) or (N, 1)
    share = target.mean
    blind = binary_entropy(share) if single and share is not None and target.integral else None
    return Baseline(loss, math.log(2), "ln 2", blind, notes=notes)


def majority(call: LossCallFact, counts: dict[str, int]) -> float | None:
    """Return the accuracy of always giving the most frequent answer; None where answers are not labels."""
    counts = counted(counts, call)
    if counts and (call.function in CLASSIFICATION or (call.function == "custom" and (call.n_outputs or 0) > 1)):
        return max(counts.values()) / sum(counts.values())
    target = call.target
    single = target is not None and (len(target.shape) < 2 or target.shape[-1] == 1)  # noqa: PLR2004 - (N,) or (N, 1)
    if call.function in BINARY and target is not None and target.integral and target.mean is not None and single:
        return max(target.mean, 1 - target.mean)
    return None
