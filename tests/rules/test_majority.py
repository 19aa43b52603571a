"""An accuracy that is the share of the most frequent class is not called a success."""

import numpy as np

from torchladder.core.evaluation_facts import EvaluationFact
from torchladder.core.facts import Facts
from torchladder.core.graph_facts import LossCallFact
from torchladder.core.report import State
from torchladder.ladder.errors import line as errors_line
from torchladder.ladder.full import line
from torchladder.rules.outcome.course import Course
from torchladder.rules.outcome.majority import blind_accuracy, refusal

HEALTHY = Course("healthy", "training loss 0.7 -> 0.4 (85.0% right)", steps=500)


def facts(accuracy: float, loss: float = 0.42, majority: float = 0.85) -> Facts:
    held = EvaluationFact(
        index=0, step=400, phase=0, root="model", place=None, calls=4, rows=1000, data=2, loss=loss,
        loss_function="cross_entropy", kind="classes", accuracy=accuracy, majority=majority, blind=0.423,
    )  # fmt: skip
    call = LossCallFact("cross_entropy", 0, 0, None, None, None, None, label_counts={"0": 850, "1": 150})
    return Facts(evaluations=(held,), loss_calls=(call,))


def test_the_share_of_the_most_frequent_class_is_no_success() -> None:
    """Neither accuracy nor loss shows anything: the rung is undecided, and the figure to report is named."""
    state, _, _, notes = line(facts(0.85), HEALTHY, whole=True, notes=())

    assert state is State.UNKNOWN
    assert "85.0% right is no success" in notes[-1]
    assert "AUPRC" in notes[-1]


def test_where_the_loss_has_learned_the_rung_stands_and_the_figure_is_still_refused() -> None:
    """Probabilities that tell something, cut at one half."""
    state, _, _, notes = line(facts(0.85, loss=0.3), HEALTHY, whole=True, notes=())

    assert state is State.PASSED
    assert "no success" in notes[-1]


def test_an_accuracy_above_the_share_says_what_it_says() -> None:
    """A hundredth above it is ten samples of a thousand; even classes and few samples are left alone."""
    assert blind_accuracy(facts(0.86)) is None
    assert blind_accuracy(facts(0.1, majority=0.1)) is None
    assert blind_accuracy(Facts(evaluations=())) is None
    assert "macro F1" not in refusal(facts(0.85), facts(0.85).evaluations[0])


def test_predictions_of_one_class_throughout_are_no_success() -> None:
    """Rung 7: the errors of a constant say nothing about a model."""
    output = np.tile([2.0, -2.0], (200, 1))
    target = (np.arange(200) % 20 == 0).astype(np.int64)

    state, words, _, _ = errors_line(output, target)

    assert state is State.UNKNOWN
    assert "every prediction is class 0: 95.0% right is its share" in words
