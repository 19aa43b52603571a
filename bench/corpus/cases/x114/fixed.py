import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader


def mae(guess, truth):
    return (guess.squeeze(-1) - truth).abs().mean()


def within(guess, truth, tol=0.25):
    return ((guess.reshape(-1) - truth.reshape(-1)).abs() < tol).float().mean()


CRITERIA = {"objective": mae, "report": within}


def spectrum(rng):
    """Absorption spectrum with one band; its height and width give the concentration."""
    axis = np.linspace(-1, 1, 48)
    height, width, centre = rng.uniform(0.3, 1.5), rng.uniform(0.05, 0.25), rng.uniform(-0.4, 0.4)
    curve = height * np.exp(-0.5 * ((axis - centre) / width) ** 2) + rng.normal(0, 0.02, 48)
    return {"curve": curve, "conc": 10 * height * width - 1.4}


def pack(rows):
    return {k: torch.as_tensor(np.stack([r[k] for r in rows]), dtype=torch.float32) for k in rows[0]}


class Spectrometer(nn.Module):
    def __init__(self):
        super().__init__()
        self.bank = nn.Sequential(nn.Conv1d(1, 16, 7, padding=3), nn.Mish(), nn.AvgPool1d(2),
                                  nn.Conv1d(16, 16, 5, padding=2), nn.Mish(), nn.AdaptiveAvgPool1d(6))
        self.regress = nn.Sequential(nn.Flatten(), nn.Linear(96, 32), nn.Mish(), nn.Linear(32, 1))

    def forward(self, curve):
        return self.regress(self.bank(curve[:, None]))


def cycle(loader):
    while True:
        yield from loader


rng = np.random.default_rng(12)
torch.manual_seed(12)
train = DataLoader([spectrum(rng) for _ in range(1500)], batch_size=30, shuffle=True, collate_fn=pack)
test = pack([spectrum(rng) for _ in range(400)])
net = Spectrometer()
opt = torch.optim.NAdam(net.parameters(), lr=2e-3)
smooth = None
for step, batch in enumerate(cycle(train), start=1):
    loss = CRITERIA["objective"](net(batch["curve"]), batch["conc"])
    opt.zero_grad()
    loss.backward()
    opt.step()
    smooth = loss.item() if smooth is None else 0.97 * smooth + 0.03 * loss.item()
    if step % 150 == 0:
        with torch.no_grad():
            out = net(test["curve"])
        share = CRITERIA["report"](out, test["conc"])
        print(f"step {step} loss {smooth:.4f} within tolerance {share:.3f} spread of predictions {out.std():.3f}")
    if step == 600:
        break
