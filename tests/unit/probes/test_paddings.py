"""Which positions of a batch are padding."""

import torch

from torchladder.probes.paddings import padding


def test_the_run_that_rows_end_in_is_padding() -> None:
    """The same id before it is counted, and not part of it."""
    found = padding(torch.tensor([[5, 0, 7, 0], [3, 0, 0, 0]]), (2, 4))

    assert found is not None
    assert found[0].sum(1).tolist() == [1, 3]
    assert found[1].tolist() == [2, 3]


def test_values_are_padded_with_zeros() -> None:
    """A position is padding when all its features are."""
    x = torch.ones(2, 3, 4)
    x[1, 1:] = 0
    found = padding(x, (2, 3))

    assert found is not None
    assert found[0].sum(1).tolist() == [0, 2]


def test_other_tensors_have_no_padding() -> None:
    """Other sizes, masks and ids of more than two dimensions."""
    assert padding(torch.ones(2, 5), (2, 4)) is None
    assert padding(torch.ones(2, 4, dtype=torch.bool), (2, 4)) is None
    assert padding(torch.ones(2, 4, 3, dtype=torch.long), (2, 4)) is None
