"""The label among the columns of a table: every disguise is seen through, and look-alikes are left alone."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from torchladder.data.disguises import Disguise, disguised

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))
VALUES = np.exp(X[:, 0] + 0.5 * X[:, 1] + 0.3 * RNG.normal(size=400))
CLASSES = np.digitize(X[:, 0] + 0.3 * RNG.normal(size=400), [-0.5, 0.5])


def beside(*columns: np.ndarray) -> np.ndarray:
    """Return the honest columns with others after them."""
    return np.column_stack([X, *columns])


@pytest.mark.parametrize(
    ("column", "how"),
    [
        (0.92 * VALUES, "scale"),
        (np.round(0.92 * VALUES + 3, 3), "scale"),
        (-VALUES, "scale"),
        (np.log(VALUES), "order"),
        (-(VALUES**3), "order"),
    ],
)
def test_a_value_on_another_scale(column: np.ndarray, how: str) -> None:
    """Another currency, rounded; turned round; its logarithm."""
    assert disguised(beside(column), VALUES, classes=False) == Disguise(how, (5,))


@pytest.mark.parametrize("float32", [False, True])
def test_parts_that_add_up_to_the_label(float32: bool) -> None:
    """Casual and registered customers, where all are asked for; the difference of two."""
    part = RNG.uniform(size=400)
    for columns in ((VALUES - part, part), (VALUES + part, part)):
        table = beside(*columns).astype(np.float32 if float32 else np.float64).astype(np.float64)
        assert disguised(table, VALUES, classes=False) == Disguise("sum", (5, 6))


@pytest.mark.parametrize("codes", [[7, 1, 4], [0.5, -2.0, 3.25]])
def test_classes_under_other_names(codes: list[float]) -> None:
    """Each value beside one class, also where some of them are missing and were filled in."""
    column = np.array(codes)[CLASSES]
    gaps = np.where(np.arange(400) % 15 == 0, 2.2, column)

    assert disguised(beside(column), CLASSES, classes=True) == Disguise("names", (5,))
    assert disguised(beside(gaps), CLASSES, classes=True) == Disguise("names", (5,))


def test_an_indicator_of_each_class() -> None:
    """One column a class, or one fewer."""
    marks = [(CLASSES == k).astype(float) for k in range(3)]

    assert disguised(beside(*marks), CLASSES, classes=True) == Disguise("indicators", (5, 6, 7))
    assert disguised(beside(*marks[:2]), CLASSES, classes=True) == Disguise("indicators", (5, 6))


@pytest.mark.parametrize(
    "column",
    [
        VALUES + 0.05 * RNG.normal(size=400),  # a strong, honest column
        np.round(np.log(VALUES)),  # the order, but with other ties
        np.where(np.arange(400) == 7, 0.0, np.log(VALUES)),  # one sample out of order
        VALUES * RNG.choice([1.0, 1.1], size=400),
    ],
)
def test_strong_columns_are_no_disguise(column: np.ndarray) -> None:
    """Nearly the label is not the label."""
    assert disguised(beside(column), VALUES, classes=False) is None


def test_a_sum_of_all_columns_is_a_task() -> None:
    """So are weights other than one, and a sum to within noise."""
    three = X[:, :3]

    assert disguised(three, three.sum(axis=1), classes=False) is None
    assert disguised(X, X[:, 0] * 2 + X[:, 1], classes=False) is None
    assert disguised(X, X[:, 0] + X[:, 1] + 0.01 * RNG.normal(size=400), classes=False) is None


def test_one_class_that_one_column_marks_is_honest() -> None:
    """Feathers mark birds, and nothing marks the other classes."""
    assert disguised(beside((CLASSES == 1).astype(float)), CLASSES, classes=True) is None
    noisy = np.where(RNG.random(400) < 0.02, (CLASSES + 1) % 3, CLASSES)
    assert disguised(beside(noisy.astype(float)), CLASSES, classes=True) is None


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_real_tables_are_clean(load) -> None:
    """Their columns were measured."""
    x, y = load(return_X_y=True)

    assert disguised(np.asarray(x, dtype=float), y, classes=load is not load_diabetes) is None
