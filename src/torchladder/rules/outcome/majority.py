"""Whether an accuracy is more than that of always naming the most frequent class: only then it is a success."""

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.metric_advice import advise, task_of
from torchladder.rules.outcome.held_out import LIKELIHOODS, beats_blind, held_out

ROWS = 100  # held-out samples below which both shares are vague
CHOICE = 0.5  # of a sample: predictions that are all one class agree with the share to the last of them
SHARE = 0.6  # of the most frequent class below which nobody takes its share for a success


def blind_accuracy(facts: Facts) -> EvaluationFact | None:
    """Return the last held-out pass if its predictions were the most frequent class, as far as accuracy tells."""
    passes = held_out(facts.evaluations or ())
    e = passes[-1] if passes else None
    if e is None or e.accuracy is None or e.majority is None or e.rows < ROWS or not SHARE <= e.majority < 1:
        return None
    return e if abs(e.accuracy - e.majority) * e.rows <= CHOICE else None


def refusal(facts: Facts, e: EvaluationFact) -> str:
    """Return why that accuracy is no success, and what to report instead."""
    call = next((c for c in facts.loss_calls or () if c.differentiated), None)
    task = task_of(call) if call is not None else None
    counts: dict[str, int] = {}
    for c in facts.loss_calls or ():
        for label, n in (c.label_counts or {}).items():
            counts[label] = counts.get(label, 0) + n
    if task == "multi-label":
        instead = advise(task).report
    else:
        instead = advise("classes", counts).report if len(counts) > 1 else ("recall by class",)
        instead = ("recall by class", "average precision") if instead == ("accuracy",) else instead
    return (
        f"{e.accuracy or 0.0:.1%} right is no success: always naming the most frequent class is right in "
        f"{e.majority or 0.0:.1%}; report {', '.join(instead)}"
    )


def has_learned(e: EvaluationFact) -> bool:
    """Tell whether the loss of that pass, at least, is better than that of an answer that ignores the input."""
    return e.loss_function in LIKELIHOODS and beats_blind(e) is True
