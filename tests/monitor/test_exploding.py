"""Twenty layers without normalisation, drawn too wide: seen within ten steps, cured by the value that is suggested."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from sklearn.datasets import load_digits
from torch import nn

import torchladder
from torchladder.core.findings import Finding

DEPTH, WIDTH = 20, 64
TOO_WIDE = 1.3  # times He's standard deviation


def deep(width: float) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(DEPTH - 1):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(WIDTH, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=width * math.sqrt(2 / WIDTH))
            nn.init.zeros_(layer.bias)
    return net


def trained(net: nn.Module, *, clip: float | None = None, epochs: int = 10) -> tuple[float, float]:
    """Return the last loss and the accuracy."""
    data, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(data, dtype=torch.float32) / 16, torch.tensor(labels)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    order = torch.Generator().manual_seed(0)
    last = math.nan
    for _ in range(epochs):
        for at in torch.randperm(len(x), generator=order).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x[at]), y[at])
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            last = loss.item()
    with torch.no_grad():
        return last, float((net(x).argmax(1) == y).float().mean())


def alerts(net: nn.Module, *, clip: float | None = None) -> list[tuple[int, Finding]]:
    """Train for an epoch under watch and return what was found, with the steps taken by then."""
    found: list[tuple[int, Finding]] = []

    def keep(finding: Finding) -> None:
        assert run.monitor is not None
        found.append((run.monitor.step, finding))

    with torchladder.watch(folder=None, quiet=True, on_alert=keep) as run:
        trained(net, clip=clip, epochs=1)
    return found


def test_it_is_seen_within_ten_steps_and_the_suggested_clip_cures_it() -> None:
    """Without: NaN at once. With the finding's own value: it learns the digits."""
    found = [(step, f) for step, f in alerts(deep(TOO_WIDE)) if f.name == "exploding-gradient"]
    values = [fix.change.args["max_norm"] for _, f in found for fix in f.fixes if fix.change and "clip" in fix.title]

    assert [step <= 10 for step, _ in found] == [True]
    assert len(values) == 1
    lost, chance = trained(deep(TOO_WIDE))
    assert math.isnan(lost)
    assert chance < 0.2
    _, accuracy = trained(deep(TOO_WIDE), clip=values[0])
    assert accuracy > 0.7


def test_the_same_net_drawn_as_he_says_or_clipped_is_no_explosion() -> None:
    """Nothing is said of its gradients."""
    healthy = alerts(deep(1.0)) + alerts(deep(TOO_WIDE), clip=1.0)

    assert [f.name for _, f in healthy if f.name == "exploding-gradient"] == []
