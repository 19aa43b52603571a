"""Sketches against what they stand for: crops, phrases in common, equal cells."""

import numpy as np
import pytest

from torchladder.data.bands import pairs_by_band
from torchladder.data.cell_sketches import cells_of_columns, hashes_of_columns
from torchladder.data.likeness import View, vectors
from torchladder.data.near_texts import near_texts
from torchladder.data.thumbnails import GREY, SIDE, thumbnails
from torchladder.data.word_sketches import BINS, PHRASE, normalised, sketch_texts


def smooth(n: int, side: int, seed: int = 0) -> np.ndarray:
    """Return pictures that vary slowly enough to be resampled."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.cos(np.pi * (a * x + b * y)) for a in range(4) for b in range(4)][1:]
    pictures = np.einsum("nkc,kyx->nyxc", rng.normal(size=(n, 15, 3)), np.array(waves))
    return np.asarray((pictures * 20 + 128).clip(0, 255), dtype=np.uint8)


@pytest.mark.parametrize("side", [16, 24, 30, 64, 301])
def test_a_thumbnail_is_the_average_of_equal_areas(side: int) -> None:
    """Any size, and its channels first, gives nearly the same thumbnail as one of 240 pixels."""
    large = smooth(3, 240)
    middles = ((np.arange(side) + 0.5) * 240 / side).astype(int)
    small = large[:, middles][:, :, middles]

    expected, _ = thumbnails(large)
    found, flat = thumbnails(small)
    first, _ = thumbnails(np.transpose(small, (0, 3, 1, 2)))

    assert not flat.any()
    assert np.corrcoef(expected[0, :GREY], found[0, :GREY])[0, 1] > 0.97
    assert (first == found).all()


def test_scale_and_offset_make_no_difference() -> None:
    """Floats of any range, and brighter pictures."""
    x = smooth(5, 48)

    plain, _ = thumbnails(x.astype(np.float64))
    scaled, _ = thumbnails(x / 255 - 0.4)

    assert np.abs(plain.astype(int) - scaled).max() <= 1


def test_blank_pictures_show_nothing() -> None:
    """One value, or values a step apart."""
    x = np.full((2, 32, 32, 3), 90, dtype=np.uint8)
    x[1, ::2] += 1

    assert thumbnails(x)[1].all()


@pytest.mark.parametrize(
    ("view", "cut"),
    [
        (View(part=0.9), np.s_[:, 15:285, 15:285]),
        (View(part=0.9, x=-1, y=1), np.s_[:, 30:, :270]),
        (View(mirrored=True), np.s_[:, :, ::-1]),
    ],
)
def test_a_view_is_how_the_altered_picture_looks(view: View, cut: tuple[slice, ...]) -> None:
    """The thumbnail of the altered picture is nearly the altered thumbnail."""
    x = smooth(6, 300)

    altered, plain = vectors(thumbnails(x[cut])[0]), vectors(thumbnails(x)[0])
    seen = vectors(thumbnails(x)[0], view)

    assert (np.linalg.norm(altered - seen, axis=1) < 0.2).all()
    assert 2 * np.linalg.norm(altered - seen, axis=1).mean() < np.linalg.norm(altered - plain, axis=1).mean()
    assert plain.shape[1] > SIDE * SIDE


def test_equal_numbers_of_sketches_are_phrases_in_common() -> None:
    """The estimate errs by what 64 numbers err."""
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in rng.integers(0, 9999, 400)]
    other = [*words[:300], *(f"v{i}" for i in range(100))]

    (a, b), counts = sketch_texts([" ".join(words), " ".join(other)])

    phrases = [{tuple(t[i : i + PHRASE]) for i in range(len(t) - PHRASE + 1)} for t in (words, other)]
    true = len(phrases[0] & phrases[1]) / len(phrases[0] | phrases[1])
    assert abs((a == b).mean() - true) < 3 * np.sqrt(true * (1 - true) / BINS)
    assert counts.tolist() == [400, 400]


def test_a_sketch_does_not_depend_on_the_texts_beside_it() -> None:
    """One by one, or all as one string of bytes."""
    texts = [normalised(t) for t in ("The quick, brown fox - jumps!", "", "é ü 日本語 text with some words", "a b")]

    together, counts = sketch_texts(texts)
    alone = np.concatenate([sketch_texts([t])[0] for t in texts])

    assert (together == alone).all()
    assert counts.tolist() == [5, 0, 7, 2]


def test_texts_with_half_of_their_phrases_in_common_are_no_copies() -> None:
    """Replies that quote each other."""
    rng = np.random.default_rng(2)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 99999, 200)) for _ in range(50)]
    replies = [" ".join([*t.split()[:130], *(f"r{i}{k}" for i in range(70))]) for k, t in enumerate(texts)]

    assert len(near_texts(sketch_texts([*texts, *replies])[0]).first) <= 1
    assert len(near_texts(sketch_texts([*texts, *texts])[0]).first) == 50


def test_bands_pair_what_has_an_equal_key() -> None:
    """Each pair once, whatever band it is in."""
    bands = [np.array(k, dtype=np.uint64) for k in ([1, 2, 1, 3], [5, 6, 5, 6])]

    assert pairs_by_band(bands).tolist() == [[0, 2], [1, 3]]


def test_rows_hash_alike_if_and_only_if_all_cells_are_equal() -> None:
    """Minus zero is zero, NaN is NaN, and the order of the columns does not matter."""
    columns = {
        "a": np.array([0.0, -0.0, np.nan, np.nan, 1.0]),
        "b": np.array(["x", "x", None, None, "x"], dtype=object),
    }

    hashes = hashes_of_columns(columns, 5)
    turned = hashes_of_columns(dict(reversed(columns.items())), 5)
    cells, numeric = cells_of_columns(columns)

    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert len(set(hashes.tolist())) == 3
    assert (hashes == turned).all()
    assert (cells[0] == cells[1]).all()
    assert numeric == (True, False)
