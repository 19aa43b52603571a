"""Reshapes: which of them stand where a permute was meant, and what smoothness says."""

import pytest
import torch

from torchladder.probes.reshapes import Site, as_permute, measure, rough


@pytest.mark.parametrize(
    ("before", "after", "axes"),
    [
        ((8, 16, 16, 3), (8, 3, 16, 16), (0, 3, 1, 2)),
        ((4, 7), (7, 4), (1, 0)),
        ((8, 1, 5), (8, 5, 1), None),
        ((8, 5, 3), (8, 5, 3), None),
        ((8, 6), (8, 3, 2), None),
    ],
)
def test_sizes_in_another_order_are_a_permute(before, after, axes):
    """Axes of size one, and sizes that are split, do not count."""
    assert as_permute(before, after) == axes


def test_noise_is_rough_and_a_wave_is_smooth():
    """One for noise, near zero for what changes slowly."""
    torch.manual_seed(0)

    assert rough(torch.randn(64, 200), 1) == pytest.approx(1, abs=0.05)
    assert rough(torch.sin(torch.linspace(0, 6, 200)).repeat(4, 1), 1) < 0.01


def test_a_series_that_was_reshaped_is_torn():
    """A permute keeps neighbours together, the reshape does not."""
    torch.manual_seed(0)
    series = torch.randn(32, 50, 3).cumsum(1)
    site = Site("data", "reshape", None, (32, 50, 3), (32, 3, 50), (0, 2, 1))
    measure(site, series, series.reshape(32, 3, 50))

    assert site.permuted < 0.2
    assert site.rough > 2 * site.permuted
