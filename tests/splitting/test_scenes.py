"""Scenes: runs of nearly identical samples."""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from torchladder.splitting.scenes import find_scenes, in_order_of


def test_films_are_found_frame_by_frame() -> None:
    """Thirty pictures, each followed by twenty frames that hardly differ: thirty scenes."""
    d = load_digits()
    rng = np.random.default_rng(0)
    starts = d.images[rng.choice(1797, 30, replace=False)].reshape(30, 64)
    frames = np.repeat(starts, 20, axis=0) + rng.normal(0, 0.2, (600, 64))

    found = find_scenes(frames.astype(np.float32), None, ())

    assert found is not None
    assert (found.count, found.longest) == (30, 20)
    assert all(len(set(found.number[i : i + 20])) == 1 for i in range(0, 600, 20))


def test_sorted_tables_and_shuffled_digits_have_none() -> None:
    """Iris lies sorted by class: neighbours are no more alike than others of that class."""
    for load in (load_iris, load_breast_cancer, load_digits):
        d = load()
        assert find_scenes(d.data.astype(np.float32), d.target, (), table=load is not load_digits) is None


def test_frame_ten_follows_frame_nine() -> None:
    """Numbers in names count as numbers."""
    names = ["a/f10.png", "a/f9.png", "b/f1.png", "a/f1.png"]

    assert [names[i] for i in in_order_of(names)] == ["a/f1.png", "a/f9.png", "a/f10.png", "b/f1.png"]
