"""Small data of every kind, and trainings made of parts by hand."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from PIL import Image


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table of two classes that can be told apart, with a word column and gaps."""
    data = sklearn.datasets.load_breast_cancer()
    path = tmp_path / "cancer.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["a", "b", "c", "d", "word", "target"])
        for i, (row, y) in enumerate(zip(data.data[:300], data.target[:300], strict=True)):
            word = "x" if row[4] > 0.1 else "y"
            out.writerow(["" if i % 29 == 3 else row[0], row[1], row[2], row[3], word, ("bad", "good")[y]])
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder of small pictures, a folder a class."""
    data = sklearn.datasets.load_digits()
    for i, (image, y) in enumerate(zip(data.images[:200], data.target[:200], strict=True)):
        folder = tmp_path / "digits" / f"d{y}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15.9).astype(np.uint8)).resize((16, 16)).save(folder / f"{i:04}.png")
    return tmp_path / "digits"


@pytest.fixture
def recipe_file(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a recipe."""

    def write(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return write
