"""Figures against scikit-learn and by hand."""

import numpy as np
import pytest
import sklearn.metrics as reference

from torchladder.training import measures


def _some(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, 300)
    logits = rng.normal(size=(300, classes))
    logits[np.arange(300), truth] += 1.5
    return logits, truth


@pytest.mark.parametrize("classes", [2, 5])
def test_figures_are_those_of_scikit_learn(classes: int) -> None:
    """Accuracy, macro recall and F1, loss, confusion, and the areas under curves of two classes."""
    logits, truth = _some(classes)
    made = measures.of_classes(logits, truth, tuple("abcde"[:classes]))
    guess, p = logits.argmax(1), np.exp(measures.log_softmax(logits))

    assert made.values["accuracy"] == pytest.approx(reference.accuracy_score(truth, guess))
    assert made.values["macro_recall"] == pytest.approx(reference.balanced_accuracy_score(truth, guess))
    assert made.values["macro_f1"] == pytest.approx(reference.f1_score(truth, guess, average="macro"))
    assert made.values["loss"] == pytest.approx(reference.log_loss(truth, p))
    assert made.confusion == reference.confusion_matrix(truth, guess).tolist()
    if classes == 2:
        assert made.values["auroc"] == pytest.approx(reference.roc_auc_score(truth, p[:, 1]))


def test_the_calibration_error_by_hand() -> None:
    """Four predictions of 0.8, three of them right: five points off."""
    logits = np.log(np.array([[0.8, 0.2]] * 4))
    made = measures.of_classes(logits, np.array([0, 0, 0, 1]), ("a", "b"))

    assert made.values["calibration_error"] == pytest.approx(0.05)


def test_the_temperature_undoes_a_scale() -> None:
    """Logits that were multiplied by three are divided by three again."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    p = np.exp(measures.log_softmax(logits))
    truth = (rng.random((20_000, 1)) > p.cumsum(1)).sum(1).clip(0, 2)

    assert measures.temperature(3 * logits, truth) == pytest.approx(3, rel=0.05)


def test_the_threshold_has_the_best_f1_of_all() -> None:
    """No other threshold is better on these samples, and ties are not torn apart."""
    logits, truth = _some(2)
    logits = np.round(logits, 1)
    at, f1 = measures.best_threshold(logits, truth)
    p = np.exp(measures.log_softmax(logits))[:, 1]
    every = [reference.f1_score(truth, p >= t) for t in np.linspace(0, 1, 201)]

    assert reference.f1_score(truth, p >= at) == pytest.approx(f1)
    assert f1 >= max(every) - 1e-12


def test_values_are_measured_in_their_own_units() -> None:
    """Outputs are standardised; errors are not."""
    truth = np.array([10.0, 20.0, 30.0, 40.0])
    guess = truth + np.array([3.0, -3.0, 3.0, -3.0])
    made = measures.of_values((guess - 25) / 10, (truth - 25) / 10, 25.0, 10.0)

    assert made.values["rmse"] == pytest.approx(3)
    assert made.values["mae"] == pytest.approx(3)
    assert made.values["r2"] == pytest.approx(reference.r2_score(truth, guess))


@pytest.mark.parametrize(
    ("asked", "classes", "counts", "metric"),
    [
        ("auto", 2, [50, 50], "accuracy"),
        ("auto", 2, [500, 49], "macro_f1"),
        ("auto", 0, None, "rmse"),
        ("auroc", 2, [50, 50], "auroc"),
    ],
)
def test_the_metric_follows_the_setting(asked: str, classes: int, counts: list[int] | None, metric: str) -> None:
    """Accuracy hides small classes, so it is not chosen where they are ten times smaller."""
    assert measures.chosen_metric(asked, classes, np.array(counts) if counts else None) == metric


def test_better_knows_the_direction() -> None:
    """Errors fall, accuracies rise, NaN is never better."""
    assert measures.better("rmse", 1.0, 2.0)
    assert not measures.better("accuracy", 1.0, 2.0)
    assert measures.better("accuracy", 0.1, None)
    assert not measures.better("loss", float("nan"), None)
