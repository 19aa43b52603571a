"""Trees against comparing all with all."""

import numpy as np

from torchladder.data.forest import KEPT, near_in_forest

FAR = 0.5


def planted(n: int) -> tuple[np.ndarray, set[tuple[int, int]]]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, 12)).astype(np.float32)
    rows[: n // 20] = rows[n // 2 : n // 2 + n // 20] + rng.normal(0, 0.05, (n // 20, 12))
    squares = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    a, b = np.nonzero(squares < FAR**2)
    return rows, {(int(i), int(j)) for i, j in zip(a, b, strict=True) if i != j}


def test_few_rows_are_compared_all_with_all() -> None:
    """Nothing is missed, nothing is invented, and distances are right."""
    rows, true = planted(600)

    near = near_in_forest(rows, rows, FAR)

    assert set(zip(near.asked.tolist(), near.place.tolist(), strict=True)) == true
    squares = ((rows[near.asked] - rows[near.place]) ** 2).sum(axis=1)
    assert np.allclose(near.square, squares, atol=1e-4)


def test_many_rows_miss_few_pairs_and_invent_none() -> None:
    """Eight trees find 99 of 100 pairs that are far nearer than rows are by nature."""
    rows, true = planted(2500)

    near = near_in_forest(rows, rows, FAR)
    found = set(zip(near.asked.tolist(), near.place.tolist(), strict=True))

    assert found <= true
    assert len(found) >= 0.99 * len(true)


def test_equal_rows_do_not_flood_it() -> None:
    """Five thousand equal rows give a few pairs each."""
    rows = np.ones((5000, 4), dtype=np.float32)

    near = near_in_forest(rows, rows, FAR)

    assert len(near.asked) == 5000 * KEPT
    assert (near.asked != near.place).all()


def test_rows_are_found_by_how_they_would_look_altered() -> None:
    """The second half is the first, negated."""
    half = np.random.default_rng(1).normal(size=(200, 12)).astype(np.float32)
    rows = np.concatenate([half, -half])

    near = near_in_forest(rows, -rows, 1e-2)

    assert near.place.tolist() == [*range(200, 400), *range(200)]
