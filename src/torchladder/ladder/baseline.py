"""What an answer that ignores the input costs: the yardsticks of rung 2, as functions of facts.

Every value is per element of the loss, whatever its reduction: a sum is divided by its terms first.
"""

import dataclasses
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
        how: What was done to get it, "" when nothing.
        chance: Of an untrained model that spreads its answer evenly, or of the mean predictor.
        words: How ``chance`` is written, such as "ln 10".
        blind: Of the best answer that ignores the input: the entropy of the labels, the variance.
        floor: Of a perfect fit, where that is not 0.
        notes: What else a reader must know to compare.
    """

    loss: float | None = None
    how: str = ""
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
        return float(sum(n * weights[int(k)] for k, n in counts.items() if 0 <= int(k) < len(weights)))
    return float(sum(counts.values()))


def _classes(call: LossCallFact) -> int:
    """Return K: the second axis of (N, K, ...) predictions."""
    if call.input is not None and len(call.input.shape) > 1 and call.function in CLASSIFICATION:
        return call.input.shape[1]
    return call.n_outputs or 0


def at_start(call: LossCallFact, curve: CurveFact | None) -> tuple[float | None, str]:
    """Return the loss at step 0 per element, and what was done to get it."""
    reduction = call.options.get("reduction")
    if call.value is None:
        first = curve.losses[0] if curve is not None and curve.losses else None
        if first is None or math.isnan(first):
            return None, ""
        return first, "as the program itself reduced it"
    if reduction == "sum":
        n = terms(call)
        if n:
            return call.value / n, f"a sum of {call.value:.4g} over {n:,.4g} terms"
    return call.value, ""


def baseline(call: LossCallFact, counts: dict[str, int], curve: CurveFact | None = None) -> Baseline:
    """Return the yardsticks of a loss.

    Args:
        call: Its first call.
        counts: Samples per label over all steps seen.
        curve: The differentiated scalar by step, for losses that the program reduces itself.
    """
    loss, how = at_start(call, curve)
    return dataclasses.replace(_yardsticks(call, counts), loss=loss, how=how)


def _yardsticks(call: LossCallFact, counts: dict[str, int]) -> Baseline:
    target = call.target
    if call.function in CLASSIFICATION:
        return _classification(call, counted(counts, call))
    if call.function in BINARY and target is not None:
        return _binary(call, target)
    if call.function == "mse_loss" and target is not None and target.std is not None:
        blind = target.std**2
        if blind == 0:
            return Baseline(notes=("all targets seen are equal",))
        return Baseline(chance=blind, words="the variance of the targets", blind=blind)
    if call.function in ABSOLUTE and target is not None and target.std:
        return Baseline(notes=(f"the targets' standard deviation is {target.std:.4g}",))
    k = call.n_outputs or 0
    if call.function == "custom" and call.label_counts and k > 1:
        return Baseline(notes=(f"hand-written; for cross entropy chance would be {math.log(k):.4g} = ln {k}",))
    return Baseline()


def _classification(call: LossCallFact, counts: dict[str, int]) -> Baseline:
    k = _classes(call)
    if k < 2:  # noqa: PLR2004 - one class is no choice
        return Baseline()
    smoothing = float(call.options.get("label_smoothing") or 0.0)
    weighted = bool(call.options.get("weight"))
    even = Baseline(chance=math.log(k), words=f"ln {k}")
    if smoothing and weighted:
        return Baseline(notes=("class weights with label smoothing have no simple chance",))
    if not call.label_counts:
        return _soft(call, even)
    if weighted:  # dividing by the summed weights makes an even answer cost ln K whatever they are
        return dataclasses.replace(even, notes=("class weights do not change it",))
    if smoothing:
        floor = entropy_of_smoothing(smoothing, k)
        return dataclasses.replace(even, floor=floor, notes=(f"label smoothing leaves a floor of {floor:.3g}",))
    return dataclasses.replace(even, blind=entropy(counts) if counts else None)


def _soft(call: LossCallFact, even: Baseline) -> Baseline:
    """Probabilities as targets: an even answer still costs ln K where they sum to one."""
    target = call.target
    sums = target is not None and target.row_sum is not None and abs(target.row_sum - 1) < SUMS_TO_ONE
    if not sums or call.options.get("weight"):
        return Baseline()
    return dataclasses.replace(even, notes=("the targets are soft, so the floor is their own entropy",))


def _binary(call: LossCallFact, target: TensorFact) -> Baseline:
    if call.options.get("weight") or call.options.get("pos_weight"):
        return Baseline(notes=("weighted, so ln 2 is not its chance",))
    share = target.mean
    blind = binary_entropy(share) if _single(target) and share is not None and target.integral else None
    return Baseline(chance=math.log(2), words="ln 2", blind=blind)


def _single(target: TensorFact) -> bool:
    """Tell whether there is one answer a sample: (N,) or (N, 1)."""
    return len(target.shape) < 2 or target.shape[-1] == 1  # noqa: PLR2004 - dimensions


def majority(call: LossCallFact, counts: dict[str, int]) -> float | None:
    """Return the accuracy of always giving the most frequent answer; None where answers are not labels."""
    counts, target = counted(counts, call), call.target
    if counts and (call.function in CLASSIFICATION or (call.function == "custom" and (call.n_outputs or 0) > 1)):
        return max(counts.values()) / sum(counts.values())
    if call.function in BINARY and target is not None and target.integral and target.mean is not None:
        return max(target.mean, 1 - target.mean) if _single(target) else None
    return None
