"""Which views split or join axes in another order than theirs."""

import pytest

from torchladder.probes.split_axes import as_moved


@pytest.mark.parametrize(
    ("before", "after", "fine", "axes"),
    [
        ((64, 16, 32), (64, 4, 16, 8), (64, 16, 4, 8), (0, 2, 1, 3)),
        ((64, 4, 16, 8), (64, 16, 32), (64, 4, 16, 8), (0, 2, 1, 3)),
        ((64, 32, 4, 5), (64, 20, 32), (64, 32, 4, 5), (0, 2, 3, 1)),
        ((64, 32, 4, 4), (64, 16, 32), (64, 32, 4, 4), (0, 2, 3, 1)),
        ((64, 20, 32), (64, 32, 4, 5), (64, 4, 5, 32), (0, 3, 1, 2)),
        ((8, 64, 5, 30), (8, 30, 320), (8, 64, 5, 30), (0, 3, 1, 2)),
    ],
    ids=[
        "heads first",
        "heads joined where they lie",
        "tokens",
        "tokens of a square",
        "tokens to a picture",
        "columns of a picture",
    ],
)
def test_a_view_that_moves_no_axis(before, after, fine, axes):
    """The sizes are a permute's, with a split or a join; that permute is what is returned."""
    assert as_moved(before, after) == (fine, axes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((64, 16, 32), (64, 16, 4, 8)),
        ((64, 16, 4, 8), (64, 16, 32)),
        ((64, 16, 32), (64, 8, 2, 32)),
        ((64, 16, 32), (64, 8, 64)),
        ((64, 4, 5, 32), (64, 20, 32)),
        ((64, 32, 1, 5), (64, 5, 32)),
        ((64, 32, 4, 4), (64, 512)),
        ((64, 512), (64, 32, 4, 4)),
        ((32, 64, 16), (64, 512)),
        ((64, 8, 8, 4), (64, 8, 32)),
        ((64, 2, 3, 30, 30), (128, 3, 30, 30)),
    ],
)
def test_order_is_kept_or_open(before, after):
    """Splits and joins of neighbours, flattening, equal sizes, and axes that leave their sample."""
    assert as_moved(before, after) is None
