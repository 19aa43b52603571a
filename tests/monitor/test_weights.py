"""What is measured of weights and gradients: norms, largest elements, and movement on a slice that stands for all."""

import math

import pytest
import torch

from torchladder.monitor.weights import Movement, largest


@pytest.mark.parametrize("shape", [(64, 64), (1, 4096), (128, 3, 3, 3), (96, 100), (5000,), (7, 0)])
def test_the_slice_reaches_every_column(shape: tuple[int, ...]) -> None:
    """A change of one column of a large matrix is seen, whichever it is."""
    weight = torch.ones(shape)
    columns = weight.reshape(shape[0], -1).shape[1] if len(shape) > 1 else 1
    if weight.numel() // 32 < columns:
        columns = 0  # a slice of so few rows cannot reach all
    for column in range(columns):
        movement = Movement([weight])
        weight.reshape(shape[0], -1)[:, column] += 1
        (change,), (before,) = movement.measure()
        assert 0 < float(change) < 1.5 * float(before)


def test_largest_elements_of_anything() -> None:
    """Dense, sparse, complex, empty, not finite."""
    sparse = torch.sparse_coo_tensor(torch.tensor([[0, 2]]), torch.tensor([1.0, -4.0]), (5,), check_invariants=True)

    assert [float(v) for v in largest([torch.tensor([1.0, -3.0]), torch.tensor(2.0)])] == [3.0, 2.0]
    assert [float(v) for v in largest([sparse, torch.tensor([3 + 4j]), torch.zeros(0)])] == [4.0, 5.0, 0.0]
    assert math.isnan(float(largest([torch.tensor([1.0, math.nan])])[0]))
    assert largest([]) == []
