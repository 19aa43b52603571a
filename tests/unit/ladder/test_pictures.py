"""Batches made by hand, as people see them."""

from pathlib import Path

import numpy as np
import pytest

from torchladder.ladder.pictures import Batch, as_pictures, draw, label, load_batch, table

RANDOM = np.random.default_rng(0)


def batch(x: np.ndarray, y: np.ndarray | None = None, *, names: tuple[str, ...] = (), **extents: np.ndarray) -> Batch:
    return Batch(x, y, x.shape, str(x.dtype), names, extents)


def test_pictures_in_the_usual_range_are_shown_as_they_are() -> None:
    """Nothing is stretched that needs no stretching."""
    grey = as_pictures(batch(np.linspace(0, 1, 128, dtype="float32").reshape(2, 1, 8, 8)))
    bytes_ = as_pictures(batch(RANDOM.integers(0, 256, (2, 8, 8, 3)).astype("uint8")))

    assert grey is not None
    assert bytes_ is not None
    assert "as they are, black = 0, white = 1" in grey.note
    assert bytes_.note == "channels last; values as they are, black = 0, white = 255"
    assert (2, 8, 8, 3) == bytes_.images.shape


def test_normalisation_is_undone_by_channel_and_stated() -> None:
    """Each channel runs from its lowest to its highest value in the whole batch."""
    x = RANDOM.normal(size=(4, 3, 8, 8)).astype("float32")
    low, high = np.array([-5.0, -4.0, -3.0]), np.array([5.0, 4.0, 3.0])
    found = as_pictures(batch(x, first_low=low, first_high=high))

    assert found is not None
    assert found.note.endswith("R -5 to 5, G -4 to 4, B -3 to 3")
    assert found.images[0, 2, 3, 1] == pytest.approx((x[0, 1, 2, 3] + 4) / 8)


def test_values_that_are_not_finite_are_magenta() -> None:
    """They are not mistaken for black."""
    x = np.linspace(0, 1, 64, dtype="float32").reshape(1, 1, 8, 8)
    x[0, 0, 1, 1] = np.nan
    found = as_pictures(batch(x))

    assert found is not None
    assert found.images[0, 1, 1].tolist() == [1, 0, 1]
    assert "1 values that are not finite" in found.note


@pytest.mark.parametrize(
    ("y", "names", "expected"),
    [
        (np.array([3]), (), "3"),
        (np.array([1]), ("cat", "dog"), "dog"),
        (np.array([[0.0, 1.0, 1.0]]), (), "1, 2"),
        (np.array([[0.25, 0.75]]), (), "1 (75%)"),
        (np.array([[0.5]]), (), "0.5"),
        (np.zeros((1, 4, 4)), (), ""),
        (None, (), ""),
    ],
)
def test_labels(y: np.ndarray | None, names: tuple[str, ...], expected: str) -> None:
    """Class ids and names, several labels, soft labels, numbers, no label."""
    assert expected == label(batch(np.zeros((1, 3)), y, names=names), 0)


def test_tables_and_text_are_rows_not_pictures() -> None:
    """Each row ends in its target; a language model's target stands beneath."""
    features = batch(RANDOM.normal(size=(8, 30)).astype("float32"), np.arange(8))
    ids = np.arange(40).reshape(4, 10)
    text = table(batch(ids, ids + 1))

    assert draw(features) is None
    assert len(table(features)) == 6
    assert table(features)[3].endswith("... -> 2")
    assert text[1:3] == ("0 1 2 3 4 5 6 7 8 9", "-> 1 2 3 4 5 6 7 8 9 10")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (RANDOM.random((5, 3, 8, 8)), np.arange(5)),
        (RANDOM.random((5, 3, 8, 8)), RANDOM.integers(0, 2, (5, 8, 8))),
        (RANDOM.normal(size=(5, 50, 3)), np.arange(5)),
        (RANDOM.random((2, 784)), None),
    ],
    ids=["labels", "masks", "sequences", "flattened"],
)
def test_pictures_are_drawn(x: np.ndarray, y: np.ndarray | None) -> None:
    """As PNG."""
    drawn = draw(batch(x, y))

    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")


def test_a_damaged_file_is_no_batch(tmp_path: Path) -> None:
    """Nor is one that holds pickled objects."""
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    np.savez(tmp_path / "b.npz", x=np.array([{}]), shape=np.array([1]), dtype=np.array("float32"))

    assert load_batch(None) is None
    assert load_batch(str(tmp_path / "a.npz")) is None
    assert load_batch(str(tmp_path / "b.npz")) is None
