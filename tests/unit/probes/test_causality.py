"""What an output depends on: models that look back, ahead, and at their own position."""

import pytest
import torch
from torch import nn

from torchladder.probes.causality import Causality
from torchladder.probes.modules import Root, RootCall

SHAPE = (4, 12)


class Mixer(nn.Module):
    """Embeds ids and takes a weighted sum over positions."""

    def __init__(self, weights):
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.weights = weights

    def forward(self, x):
        """Mix."""
        return self.weights @ self.embed(x)


def asked(model, axis=1):
    torch.manual_seed(0)
    ids = torch.randint(9, SHAPE)
    call = RootCall(Root(model, None, 0), (ids,), {}, False, ())
    counted = torch.ones(SHAPE[axis], dtype=torch.bool)
    with torch.no_grad():
        return Causality(call, 0, axis, SHAPE, counted)


@pytest.mark.parametrize(
    ("weights", "leaks", "sees_itself"),
    [
        (torch.ones(12, 12).tril(), False, True),
        (torch.ones(12, 12).tril(-1), False, False),
        (torch.ones(12, 12), True, True),
        (torch.ones(12, 12).triu(), True, True),
    ],
)
def test_dependence_is_measured(weights, leaks, sees_itself):
    """Causal, shifted inside, all with all, and a mask that is transposed."""
    with torch.no_grad():
        told = asked(Mixer(weights)).ask()

    assert (told["leak"] > 0.01) == leaks
    assert (told["own"] > 0.01) == sees_itself


def test_a_bidirectional_layer_is_named():
    """The first module whose output looks ahead although its input does not."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 6)
            self.rnn = nn.GRU(6, 5, batch_first=True, bidirectional=True)
            self.head = nn.Linear(10, 9)

        def forward(self, x):
            return self.head(self.rnn(self.embed(x))[0])

    with torch.no_grad():
        assert asked(Net()).first_leak() == "rnn"


def test_an_input_without_effect_is_told():
    """Labels that are handed along do not move the output."""

    class Net(nn.Module):
        def forward(self, x):
            return torch.ones(*x.shape, 3)

    with torch.no_grad():
        assert asked(Net()).ask() == {"changes": False}
