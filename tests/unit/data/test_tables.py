"""Cells of any type as numbers, and samples made small."""

import numpy as np

from torchladder.data.small import same_size, small_array, small_picture
from torchladder.data.tables import coded
from torchladder.data.words import bag_of_words, common_words, traits_of


def test_words_gaps_and_numbers_become_columns() -> None:
    """A gap is filled with the mean and told by a column of its own; names of samples are left out."""
    rows = [(1.0, "red", f"name {i}", None if i % 4 == 0 else 2.0 * i) for i in range(80)]
    rows[3] = (np.inf, "blue", "name 3", 6.0)
    table = coded(rows, ("size", "colour", "name", "age"))

    assert table.names == ("size", "colour", "age", "age missing")
    assert table.left == ("name",)
    assert table.numeric == (0, 2)
    assert np.isfinite(table.matrix).all()
    assert table.matrix[:, 3].sum() == 20


def test_pictures_are_averaged_down() -> None:
    """Small ones are kept; alpha is left out; sides of other sizes agree."""
    picture = np.random.default_rng(0).integers(0, 255, (100, 80, 4)).astype(np.uint8)
    small = small_picture(picture)

    assert small.shape == (3, 32, 32)
    assert abs(small.mean() - picture[:, :, :3].mean()) < 2
    assert small_picture(np.zeros((8, 8))).shape == (1, 8, 8)
    assert same_size([small, small_picture(np.zeros((8, 8)))]).shape == (2, 3, 32, 32)


def test_large_samples_are_kept_small() -> None:
    """A thousand of them are a few megabytes."""
    assert small_array(np.zeros((3, 100_000))).shape == (3, 4096)
    assert small_array(np.zeros((3, 3, 224, 224))).shape == (3, 3, 32, 32)
    assert small_array(np.zeros((3, 50))).shape == (3, 50)


def test_texts_of_one_subject_have_like_bags() -> None:
    """Words count, not their order."""
    a, b, c = bag_of_words(["the cat sat on the mat", "on the mat the cat sat", "shares of the bank fell"])

    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)
    assert common_words(["b a", "a b c", "a"]) == ["a", "b"]
    assert traits_of(["Ab 1"])[0].tolist() == [4, 2, 0.25, 0.25, 0.5]
