"""A watched run shows its layers: as a table and as a picture."""

from pathlib import Path

import torch
from torch import nn

import torchladder


def test_a_run_shows_its_layers(tmp_path: Path) -> None:
    """With the figures of its outputs, and of its gradients; histograms come at the steps asked for."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters())
    with torchladder.watch(folder=tmp_path, quiet=True, histograms=4) as run:
        for _ in range(10):
            optimizer.zero_grad()
            net(torch.randn(32, 8)).square().mean().backward()
            optimizer.step()

    text = run.table().text(120)
    assert [line.split()[0] for line in text.splitlines()[3:6]] == ["0", "1", "2"]
    assert "ReLU" in text
    assert run.table(step=2).text(80).startswith("step 2")
    assert run.picture(tmp_path / "flow.png").stat().st_size > 10_000
    assert run.folder is not None
    assert (run.folder / "histograms.jsonl").read_text().count('"gradient/0.weight"') == 3
