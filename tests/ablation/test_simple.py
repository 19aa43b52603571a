"""The simplest predictors, on data small enough to know the answer."""

from pathlib import Path

import numpy as np
import pytest

from torchladder.ablation.simple import LINEAR, MAJORITY, MEAN, simplest
from torchladder.training.recipe import Data, Recipe


def recipe(tmp_path: Path, rows: list[str], held: list[str]) -> Recipe:
    for name, lines in (("train.csv", rows), ("val.csv", held)):
        (tmp_path / name).write_text("\n".join(["a,b,label", *lines]) + "\n")
    return Recipe(data=Data(train=str(tmp_path / "train.csv"), val=str(tmp_path / "val.csv"), label="label"))


def test_the_most_frequent_class_and_a_line_between_two(tmp_path: Path) -> None:
    """Three in four of training are `yes`; of the held-out side one in two, and a line tells all of them."""
    rng = np.random.default_rng(0)
    yes = [f"{x:.3f},{rng.normal():.3f},yes" for x in rng.normal(4, 0.5, 75)]
    no = [f"{x:.3f},{rng.normal():.3f},no" for x in rng.normal(-4, 0.5, 35)]

    found = simplest(recipe(tmp_path, [*yes, *no[:25]], [*yes[:10], *no[25:]]))

    assert list(found) == [MAJORITY, LINEAR]
    assert found[MAJORITY]["accuracy"] == 0.5
    assert found[MAJORITY]["loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    assert found[LINEAR]["accuracy"] == 1.0


def test_the_mean_and_a_line_for_values(tmp_path: Path) -> None:
    """The mean of training misses the held-out values by what is known; a line fits a line."""
    rng = np.random.default_rng(0)
    rows = [f"{x:.4f},{rng.normal():.4f},{3 * x + 1:.4f}" for x in rng.normal(size=200)]

    found = simplest(recipe(tmp_path, rows[:150], rows[150:]))
    labels = np.array([float(r.split(",")[2]) for r in rows])
    expected = float(np.sqrt(((labels[150:] - labels[:150].mean()) ** 2).mean()))

    assert list(found) == [MEAN, LINEAR]
    assert found[MEAN]["rmse"] == pytest.approx(expected, rel=1e-4)
    assert found[LINEAR]["rmse"] < 0.05 * expected
