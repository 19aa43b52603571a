"""The checksum of the parameters that a watched run ends with."""

import pytest
import torch
from torch import nn

from torchladder.checkpoints.checksum import of_tensors
from torchladder.monitor import last_parameters as module
from torchladder.monitor.last_parameters import last_parameters
from torchladder.monitor.models import Model


def models(*given: nn.Module) -> dict[int, list[Model]]:
    return {0: [Model(one, compiled=False) for one in given]}


def test_every_parameter_counts_once() -> None:
    """Two models that share a layer are the parameters of both, in order."""
    shared = nn.Linear(2, 2)
    both = nn.Sequential(shared, nn.Linear(2, 1))

    assert last_parameters(models(shared, both)) == of_tensors(both.parameters())
    assert last_parameters({}) is None


def test_a_large_model_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checksum would keep the program from ending."""
    monkeypatch.setattr(module, "BYTES_MAX", 100)

    assert last_parameters(models(nn.Linear(5, 5))) is None


class Spread(torch.Tensor):
    """A kind of tensor that is torch's own no more."""


def test_a_tensor_of_another_kind_is_left_alone() -> None:
    """One that is spread over processes would make this one wait for the others."""
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(torch.zeros(2, 2).as_subclass(Spread))

    assert last_parameters(models(model)) is None
