"""Histograms of weights and gradients: right counts, nothing that is not finite, at the steps that are due."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torchladder.monitor.courier import Courier
from torchladder.monitor.histograms import BINS, Histograms, counted, counted_blind, edges
from torchladder.monitor.transfer import Transfer


class Kept:
    """A sink that keeps histograms."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, Sequence[float], Sequence[float]]] = []

    def histogram(self, step: int, name: str, borders: Sequence[float], counts: Sequence[float]) -> None:
        """Keep one."""
        self.rows.append((step, name, borders, counts))


def looked(parameters: dict[str, torch.Tensor], steps: Sequence[int] = (0,), every: int = 1) -> Kept:
    kept = Kept()
    sinks: list[Any] = [kept]
    histograms = Histograms(every, Transfer(), Courier(sinks))
    for step in steps:
        histograms.look(step, parameters.items())
    return kept


def test_weights_and_gradients_are_counted_as_numpy_counts_them() -> None:
    """Names, borders and counts."""
    torch.manual_seed(0)
    layer = nn.Linear(30, 20)
    layer(torch.randn(8, 30)).square().sum().backward()
    kept = looked(dict(layer.named_parameters()))

    assert [row[1] for row in kept.rows] == ["weight/weight", "gradient/weight", "weight/bias", "gradient/bias"]
    for tensor, (_, _, borders, counts) in zip(
        (layer.weight, layer.weight.grad, layer.bias, layer.bias.grad), kept.rows, strict=True
    ):
        assert tensor is not None
        values = tensor.detach().double().numpy()
        expected, _ = np.histogram(values, bins=BINS, range=(values.min(), values.max()))
        assert len(borders) == len(counts) + 1 == BINS + 1
        assert sum(counts) == values.size
        assert np.abs(np.array(counts) - expected).sum() <= 4  # an element on a border, in float32


@pytest.mark.parametrize(
    "values",
    [
        torch.randn(5000),
        torch.randn(4, 5, 6).transpose(0, 2),
        torch.full((7,), 3.0),
        torch.zeros(3),
        torch.tensor([1.0, math.nan, 2.0, math.inf, -math.inf, 1.5]),
        torch.tensor([1e30, -1e30, 0.0]),
        torch.tensor([1e-40, 3e-40]),
    ],
    ids=["normal", "strided", "constant", "zero", "not finite", "huge", "tiny"],
)
def test_counting_without_a_look_gives_the_same(values: torch.Tensor) -> None:
    """The way of a GPU, run here, against the way of the CPU; every finite element once."""
    here, blind = counted(values, 8), counted_blind(values.reshape(-1), 8)

    assert here[:2].tolist() == blind[:2].tolist()
    assert here[2:].sum() == blind[2:].sum() == values.isfinite().sum()
    assert (here[2:] - blind[2:]).abs().sum() <= 4


def test_a_tensor_without_a_finite_element_gives_no_histogram() -> None:
    """Nor do parameters that have none: sparse, integer, empty."""
    lost = torch.full((4,), math.nan)
    assert math.isinf(counted_blind(lost, 4)[0])
    assert looked({"a": lost, "b": torch.zeros(0), "c": torch.zeros(3, dtype=torch.long)}).rows == []


def test_a_large_tensor_is_sampled_evenly() -> None:
    """About so many elements, from the first to the last."""
    kept = looked({"w": torch.linspace(0, 1, 1_000_000)})
    (_, _, borders, counts) = kept.rows[0]

    assert 12_000 < sum(counts) < 20_000
    assert max(counts) - min(counts) <= 2
    assert borders[0] == 0.0
    assert borders[-1] == pytest.approx(1.0, abs=1e-4)


def test_steps_that_are_due() -> None:
    """At the first sampled step and then at the first after every so many; never when there shall be none."""
    parameters = {"w": torch.ones(4)}

    assert [row[0] for row in looked(parameters, range(0, 100, 7), every=20).rows] == [0, 21, 42, 63, 84]
    assert looked(parameters, range(3), every=0).rows == []


def test_half_precision_and_its_borders() -> None:
    """Counted as float32."""
    (_, _, borders, counts) = looked({"w": torch.tensor([0.0, 1.0, 2.0], dtype=torch.bfloat16)}).rows[0]
    assert (borders[0], borders[-1], sum(counts)) == (0.0, 2.0, 3)
    assert edges(2.0, 2.0, 2) == [2.0, 3.0, 4.0]


def test_weights_and_random_numbers_stay_as_they_are() -> None:
    """And a million parameters are counted in the time of a few steps."""
    torch.manual_seed(0)
    net = nn.Sequential(*[nn.Linear(256, 256) for _ in range(16)])
    net(torch.randn(4, 256)).sum().backward()
    before, state = [p.detach().clone() for p in net.parameters()], torch.get_rng_state()
    began = time.perf_counter()
    kept = looked(dict(net.named_parameters()))

    assert time.perf_counter() - began < 5
    assert len(kept.rows) == 64
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
