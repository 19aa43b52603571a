"""Equal inputs with different labels are counted."""

import torch

from torchladder.probes.conflicts import compare


def test_rows_that_no_model_can_tell_apart_are_counted():
    """Two rows are equal and labelled differently, two are equal and agree."""
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [3.0, 4.0], [5.0, 6.0]])

    assert compare([x], torch.tensor([0, 1, 2, 2, 0])) == (5, 2)


def test_rows_that_do_not_correspond_are_left_alone():
    """A flattened target has another length."""
    assert compare([torch.randn(4, 6)], torch.zeros(24)) is None
