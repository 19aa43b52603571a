"""Whether a full run did worse than runs of the same program on parts of its data, by more than chance."""

from collections.abc import Sequence

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.scaling_facts import HalfFact
from torchladder.rules.outcome.held_out import standard_error

ERRORS = 5.0  # standard errors between two shares of the held-out samples
HIGHER = 1.5  # times the loss or the error of a part
LATE = 2  # last passes of the full run that are all worse: one bad pass is no state


def worse(full: Sequence[EvaluationFact], parts: Sequence[HalfFact]) -> bool:
    """Tell whether the last passes of the full run are worse than the last of every part, in all known figures.

    Args:
        full: Passes of the full run over the held-out data, in order.
        parts: Runs on parts of its training data.
    """
    late = full[-LATE:]
    if not parts or len(late) < min(LATE, *(p.passes for p in parts)):
        return False
    return all(_worse(e, p) for e in late for p in parts)


def _worse(e: EvaluationFact, p: HalfFact) -> bool:
    verdicts = []
    if e.accuracy is not None and p.accuracy is not None and p.rows:
        verdicts.append(e.accuracy < p.accuracy - ERRORS * standard_error(p.accuracy, p.rows))
    if e.loss is not None and p.loss is not None and p.loss > 0:
        verdicts.append(e.loss > HIGHER * p.loss)
    if e.error is not None and p.error is not None and p.error > 0:
        verdicts.append(e.error > HIGHER * p.error)
    return bool(verdicts) and all(verdicts)
