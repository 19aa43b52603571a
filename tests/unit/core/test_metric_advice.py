"""Which figure to report."""

import pytest

from torchladder.core.graph_facts import LossCallFact, TensorFact
from torchladder.core.metric_advice import advise, task_of


def test_even_classes_are_told_by_accuracy() -> None:
    """Its number to beat is the share of the most frequent class."""
    advice = advise("classes", {"0": 50, "1": 60})

    assert advice.report == ("accuracy",)
    assert advice.words() == "accuracy; always `1` is right in 54.5%"


def test_uneven_classes_are_not() -> None:
    """Two classes by the precision of the rare one, several by the mean over classes."""
    assert "AUPRC" in advise("classes", {"sick": 5, "well": 95}).report[0]
    assert "`sick`" in advise("binary", {"sick": 5, "well": 95}).report[0]
    assert advise("classes", {"a": 5, "b": 95, "c": 80}).report[0] == "macro F1"


@pytest.mark.parametrize(("task", "word"), [("values", "RMSE"), ("ranking", "recall@k"), ("multi-label", "precision")])
def test_other_tasks_have_figures_of_their_own(task: str, word: str) -> None:
    """No accuracy to beat."""
    advice = advise(task)

    assert word in advice.words()
    assert advice.beat is None


def test_the_loss_and_its_target_tell_the_task() -> None:
    """Several binary targets a sample are labels."""

    def call(function: str, shape: tuple[int, ...]) -> LossCallFact:
        return LossCallFact(function, 0, 0, None, None, TensorFact(shape, "float32"), None)

    assert task_of(call("binary_cross_entropy_with_logits", (8, 5))) == "multi-label"
    assert task_of(call("binary_cross_entropy_with_logits", (8, 1))) == "binary"
    assert task_of(call("mse_loss", (8,))) == "values"
    assert task_of(call("custom", (8,))) is None
