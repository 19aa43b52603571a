"""A program that trains through torch.func makes no backward pass, and its losses have no value outside of vmap."""

from tests.rules.planting import climb_text

PER_SAMPLE = """\
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.func import functional_call, grad, vmap

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
weights = {name: p.detach() for name, p in model.named_parameters()}


def loss_of(weights, sample, label):
    logits = functional_call(model, weights, (sample.unsqueeze(0),))
    return nn.functional.cross_entropy(logits, label.unsqueeze(0))


gradients_of = vmap(grad(loss_of), in_dims=(None, 0, 0))
for step in range(60):
    rows = torch.randint(0, 1500, (64,))
    found = gradients_of(weights, x[rows], y[rows])
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in found.values()]).norm(dim=0)
    scale = (1.0 / norms).clamp(max=1.0)
    for name, g in found.items():
        weights[name] = weights[name] - 0.5 * torch.einsum("i,i...->...", scale, g) / len(rows)
    if step % 20 == 19:
        with torch.no_grad():
            logits = functional_call(model, weights, (x[1500:],))
            print(f"step {step}: accuracy {(logits.argmax(1) == y[1500:]).float().mean():.3f}")
"""


def test_losses_within_vmap_stop_no_climb() -> None:
    """It is said that nothing was seen to be trained; no exception of ours ends the climb."""
    report = climb_text(PER_SAMPLE, to=2)

    assert report.verdict == "undecided"
    assert "without a backward pass" in report.sentence
    assert report.findings == ()
