"""Predictions beside samples: a column, an array, or a file for each set."""

from pathlib import Path

import numpy as np
import pytest

from torchladder.core.errors import UsageError
from torchladder.sets.open import open_sides
from torchladder.sets.predicted import files_of, with_predictions
from torchladder.sets.source import Columns

SAID = np.array([0, 1, 1, 0, 1])


def opened(path: Path, predictions: str | None):
    asked = Columns(predictions=predictions)
    files = files_of(asked)
    sides = open_sides([str(path)], Columns() if files else asked)
    ((_, source),) = with_predictions(sides, files, asked)
    return source


def said(source) -> list[object]:
    return [p for start, stop in source.shards(2) for b in source.blocks(start, stop) for p in b.predictions.tolist()]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("x,guess,label\n" + "".join(f"{i}.5,{p},{i % 2}\n" for i, p in enumerate(SAID)))
    return path


def test_a_column_is_no_input(table: Path) -> None:
    """Predictions are not among the columns that are checked."""
    source = opened(table, "guess")
    (block,) = list(source.blocks(0, 5))

    assert said(source) == SAID.tolist()
    assert list(block.columns) == ["x"]


@pytest.mark.parametrize("form", ["npy", "scores", "csv", "plain"])
def test_a_file_in_the_order_of_the_set(tmp_path: Path, table: Path, form: str) -> None:
    """Classes, scores of which the largest counts, a named column, or one column without a name."""
    path = tmp_path / ("p.csv" if form in {"csv", "plain"} else "p.npy")
    if form == "csv":
        path.write_text("id,prediction,more\n" + "".join(f"a{i},{p},z\n" for i, p in enumerate(SAID)))
    elif form == "plain":
        path.write_text("".join(f"{p}\n" for p in SAID))
    else:
        np.save(path, np.eye(2)[SAID] if form == "scores" else SAID)

    assert said(opened(table, str(path))) == SAID.tolist()


def test_an_array_of_a_file_of_several(tmp_path: Path) -> None:
    """Named like a label."""
    np.savez(tmp_path / "d.npz", x=np.zeros((5, 3)), y=SAID, guess=SAID)

    assert said(opened(tmp_path / "d.npz", "guess")) == SAID.tolist()


def test_what_does_not_fit_is_said(tmp_path: Path, table: Path) -> None:
    """Too few predictions, too few files, no such column."""
    np.save(tmp_path / "p.npy", SAID[:4])
    with pytest.raises(UsageError, match="4 predictions for 5 samples"):
        opened(table, str(tmp_path / "p.npy"))
    with pytest.raises(UsageError, match="names 2 and not 1 files"):
        opened(table, f"{tmp_path / 'p.npy'},{tmp_path / 'p.npy'}")
    with pytest.raises(UsageError, match="no column 'nope'"):
        opened(table, "nope")
