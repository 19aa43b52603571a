"""Which evaluation passes are about held-out data, and whether they beat an answer that ignores the input."""

import math
from collections.abc import Sequence

from torchladder.core.evaluation_facts import EvaluationFact

ERRORS = 2.0  # standard errors by which a share must differ to count
BETTER = 0.97  # a loss or an error below this share of the blind one counts as lower
LIKELIHOODS = {"cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"}


def series(evaluations: Sequence[EvaluationFact]) -> list[tuple[EvaluationFact, ...]]:
    """Return the passes over each held-out set, the most often evaluated set first.

    Left out are passes over data that is trained on, and those whose outputs feed training. Sets are told
    apart by their data set object, or by line and size where no loader serves them.
    """
    groups: dict[object, list[EvaluationFact]] = {}
    for e in evaluations:
        if e.loader_trained or e.data_trained or e.feeds_training or not e.rows:
            continue
        key = (e.root, e.data) if e.data is not None else (e.root, e.place, e.rows)
        groups.setdefault(key, []).append(e)
    return [tuple(g) for g in sorted(groups.values(), key=lambda g: (-len(g), g[0].index))]


def held_out(evaluations: Sequence[EvaluationFact]) -> tuple[EvaluationFact, ...]:
    """Return the passes over the set that is evaluated most often, in order; empty when there is none."""
    found = series(evaluations)
    return found[0] if found else ()


def standard_error(share: float, n: int) -> float:
    """Return the standard error of a share of ``n`` samples."""
    return math.sqrt(max(share * (1 - share), 0.25 / max(n, 1)) / max(n, 1))


def beats_blind(e: EvaluationFact) -> bool | None:
    """Tell whether a pass is better than the best answer that ignores the input; None: cannot tell."""
    verdicts = []
    if e.kind == "values" and e.error is not None and e.blind:
        verdicts.append(e.error < BETTER * e.blind)
    if e.accuracy is not None and e.majority is not None:
        verdicts.append(e.accuracy > e.majority + ERRORS * standard_error(e.majority, e.rows))
        if e.loss is not None and e.blind and e.loss_function in LIKELIHOODS:
            verdicts.append(e.loss < BETTER * e.blind)
    return any(verdicts) if verdicts else None


def score_words(e: EvaluationFact) -> str:
    """Return the figure of a pass: "71.3 % right" or "error 0.12"."""
    if e.accuracy is not None:
        return f"{e.accuracy:.1%} right"
    if e.error is not None:
        return f"squared error {e.error:.3g}"
    return f"loss {e.loss:.3g}" if e.loss is not None else "no score"


def blind_words(e: EvaluationFact) -> str:
    """Return the same of the best answer that ignores the input."""
    if e.accuracy is not None and e.majority is not None:
        return f"{e.majority:.1%} for the most frequent class"
    if e.error is not None and e.blind is not None:
        return f"{e.blind:.3g} for the mean"
    return ""
