"""Clipping is by the norm of all gradients together, as its one definition says."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from torchladder.experiments import clip_gradients


def clipped(gradients: list[list[float]], max_norm: float) -> list[list[float]]:
    """Return the gradients that a step would use."""
    parameters = [torch.nn.Parameter(torch.zeros(len(g))) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = torch.tensor(g)
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    session: Any = SimpleNamespace(optimizers=SimpleNamespace(before_step=[]))
    clip_gradients.apply(session, {"max_norm": max_norm})
    for before in session.optimizers.before_step:
        before(optimizer)
    return [p.grad.tolist() for p in parameters if p.grad is not None]


def test_three_and_four_at_one() -> None:
    """Their norm is 5; a fifth of each is left."""
    assert clipped([[3.0, 4.0]], 1.0)[0] == pytest.approx([0.6, 0.8], abs=1e-5)


def test_the_norm_is_that_of_all_parameters_together() -> None:
    """The same two numbers in two parameters: each clipped alone would be 1."""
    (first,), (second,) = clipped([[3.0], [4.0]], 1.0)

    assert [first, second] == pytest.approx([0.6, 0.8], abs=1e-5)


def test_what_is_small_enough_stays_as_it_is() -> None:
    """Not a bit differs."""
    assert clipped([[0.3, 0.4]], 1.0) == [torch.tensor([0.3, 0.4]).tolist()]
