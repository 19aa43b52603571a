"""Dead units of ReLU layers are found, drawn anew layer after layer, and nothing else is touched."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import torchladder
from torchladder.core.errors import UsageError


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)


def mostly_dead() -> nn.Sequential:
    """Four fifths of the units of every hidden layer have a bias that no input overcomes."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    with torch.no_grad():
        for at in (0, 2, 4):
            bias(net, at)[: int(0.8 * len(bias(net, at)))] = -10
    return net


def bias(net: nn.Sequential, at: int) -> torch.Tensor:
    found = net[at].bias
    assert isinstance(found, torch.Tensor)
    return found


def trained(
    net: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[tuple[torch.Tensor, ...]], epochs: int = 3
) -> float:
    """Return the accuracy on all digits after some epochs."""
    for _ in range(epochs):
        for xb, yb in loader:
            optimizer.zero_grad()
            F.cross_entropy(net(xb), yb).backward()
            optimizer.step()
    x, y = digits()
    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


def test_a_net_with_more_than_seventy_percent_dead_units_trains_again() -> None:
    """Without help it stays near chance; after one call the same epochs learn the digits."""
    x, y = digits()
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    net = mostly_dead()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    assert trained(net, optimizer, loader) < 0.5

    done = torchladder.resurrect(net, loader, optimizer=optimizer)

    assert done
    assert done.dead_before > 0.7 * done.units
    assert done.dead_after == 0
    assert [row.layer for row in done.layers] == ["0", "2", "4"]
    assert trained(net, optimizer, loader) > 0.9


def test_a_healthy_net_is_left_bit_for_bit_alone() -> None:
    """Nothing to do: false, no weight differs, and the words say so."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    before = copy.deepcopy(net.state_dict())

    done = torchladder.resurrect(net, torch.randn(500, 8))

    assert not done
    assert str(done) == "all: 0 of 16 units dead (0 %) -> 0, judged on 500 samples"
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_only_dead_rows_change_and_every_generator_stays() -> None:
    """Living rows, the next layer, gradients, modes, buffers; torch, NumPy, Python and the loader's own generator."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten())
    net.append(nn.Linear(6 * 36, 2))
    net[3].eval()
    with torch.no_grad():
        bias(net, 1)[:4] = -50
    own = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(torch.randn(64, 1, 8, 8)), batch_size=16, shuffle=True, generator=own)
    before = copy.deepcopy(net.state_dict())
    states = (torch.get_rng_state(), own.get_state(), random.getstate(), np.random.get_state()[1].tolist())

    done = torchladder.resurrect(net, loader)

    after = net.state_dict()
    assert (done.dead_before, done.renewed, done.dead_after) == (4, 4, 0)
    assert not torch.equal(before["0.weight"][:4], after["0.weight"][:4])
    assert after["1.bias"][:4].tolist() == [0.0] * 4
    for name in ("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"):
        assert torch.equal(before[name][4:], after[name][4:])
    assert torch.equal(before["5.weight"], after["5.weight"])
    assert torch.equal(before["1.num_batches_tracked"], after["1.num_batches_tracked"])
    assert [m.training for m in net] == [True, True, True, False, True, True]
    assert torch.equal(states[0], torch.get_rng_state())
    assert torch.equal(states[1], own.get_state())
    assert (states[2], states[3]) == (random.getstate(), np.random.get_state()[1].tolist())


def test_the_moments_of_renewed_units_start_anew() -> None:
    """Adam's two moments of the dead rows are zero; those of living rows, and the count of steps, stay."""
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(net.parameters())
    x = torch.randn(64, 4)
    net(x).sum().backward()
    optimizer.step()
    with torch.no_grad():
        bias(net, 0)[:3] = -50
    before = {k: v.clone() for k, v in optimizer.state[net[0].weight].items()}

    torchladder.resurrect(net, [x], optimizer=optimizer)

    state = optimizer.state[net[0].weight]
    assert state["exp_avg"][:3].abs().sum() == state["exp_avg_sq"][:3].abs().sum() == 0
    assert torch.equal(state["exp_avg"][3:], before["exp_avg"][3:])
    assert torch.equal(state["step"], before["step"])
    assert optimizer.state[net[0].bias]["exp_avg"][:3].abs().sum() == 0


def test_inputs_far_from_zero_get_weights_of_the_other_sign() -> None:
    """Pictures from 0 to 255: half of all fresh units would be dead again; turned round, they live."""
    net = nn.Sequential(nn.Linear(64, 200), nn.ReLU(), nn.Linear(200, 2))
    with torch.no_grad():
        bias(net, 0).fill_(-1e6)

    done = torchladder.resurrect(net, 200 + 55 * torch.rand(100, 64))

    assert (done.dead_before, done.dead_after) == (200, 0)


def test_a_deeper_layer_is_judged_after_the_repair_before_it() -> None:
    """Units that only starved are alive once the layer below is: they keep their weights."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        bias(net, 0).fill_(-50)
        nn.init.uniform_(net[2].weight, 0.0, 0.5)
    deeper = copy.deepcopy(net[2].weight)

    done = torchladder.resurrect(net, torch.randn(64, 4))

    assert [(row.dead_before, row.renewed, row.dead_after) for row in done.layers] == [(8, 8, 0), (8, 0, 0)]
    assert torch.equal(deeper, net[2].weight)


class Functional(nn.Module):
    """Functional calls, a shared layer, a transposed convolution, sequences, and a sum before the last ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(2, 4, 2, stride=2)
        self.shared = nn.Linear(6, 6)
        self.summed = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run."""
        x = torch.relu(self.up(x))
        x = F.relu6(self.shared(x))
        x = F.hardtanh(self.shared(x), 0.0, 4.0)
        out = self.summed(x)
        out += x  # as residual blocks are written
        return F.relu(out)


def test_functional_calls_are_followed_and_sums_are_not() -> None:
    """A layer used twice is dead only where both uses are; what is added before the ReLU is left out."""
    torch.manual_seed(0)
    net = Functional()
    with torch.no_grad():
        net.up.bias[:2] = -50
        net.shared.weight.copy_(net.shared.weight.abs())
        net.shared.bias.fill_(1.0)
        net.shared.bias[:2] = -500
        net.summed.bias.fill_(-500)

    done = torchladder.resurrect(net, torch.randn(32, 2, 3))

    assert [(row.layer, row.dead_before, row.dead_after) for row in done.layers] == [("up", 2, 0), ("shared", 2, 0)]
    assert net.summed.bias.tolist() == [-500] * 6


def test_batches_by_name_or_through_a_call() -> None:
    """A dict goes in by name; anything else through ``call``."""

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(self.layer(x))

    net, x = Named(), torch.randn(20, 3)
    with torch.no_grad():
        net.layer.bias.fill_(-50)
    assert torchladder.resurrect(net, [{"x": x}]).dead_after == 0
    with torch.no_grad():
        net.layer.bias.fill_(-50)
    assert torchladder.resurrect(net, [(0, x)], call=lambda model, batch: model(batch[1])).dead_after == 0


def test_a_threshold_counts_the_nearly_dead() -> None:
    """A unit alive on one sample of a hundred is dead at 2 %."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    with torch.no_grad():
        torch.nn.init.ones_(net[0].weight)
        bias(net, 0).fill_(-98.5)
    x = torch.arange(100.0)[:, None]

    assert torchladder.resurrect(net, x).dead_before == 0
    assert torchladder.resurrect(net, x, threshold=0.02).dead_before == 1


def test_the_same_seed_gives_the_same_weights() -> None:
    """And the global seed has no part in it."""
    nets = [mostly_dead(), mostly_dead()]
    x, _ = digits()
    for number, net in enumerate(nets):
        torch.manual_seed(number)
        torchladder.resurrect(net, x)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def test_impossible_requests_are_refused() -> None:
    """In words."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    with pytest.raises(UsageError, match="no batches"):
        torchladder.resurrect(net, [])
    with pytest.raises(UsageError, match="share of the samples"):
        torchladder.resurrect(net, torch.zeros(1, 1), threshold=1.0)
    assert str(torchladder.resurrect(nn.Tanh(), torch.zeros(1, 1))).startswith("no ReLU")
