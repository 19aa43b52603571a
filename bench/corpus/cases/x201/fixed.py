"""Digit reader for the survey forms: scans come as an archive, labels as a text register."""
import io
import zipfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

rng = np.random.default_rng(11)
torch.manual_seed(11)


def deliver():
    """What the scanning office sends: (zip bytes, register text)."""
    scans, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(scans))
    blob, register = io.BytesIO(), []
    with zipfile.ZipFile(blob, "w") as z:
        for number, i in enumerate(order):
            member = io.BytesIO()
            np.save(member, scans[i].reshape(8, 8).astype(np.uint8))
            z.writestr(f"scan_{number}.npy", member.getvalue())
            register.append(f"{number};{digits[i]}")
    return blob, "\n".join(register)


blob, register = deliver()
with zipfile.ZipFile(blob) as archive:
    members = sorted(archive.namelist(), key=lambda m: int(m[5:-4]))
    images = np.stack([np.load(io.BytesIO(archive.read(m))) for m in members])
labels = np.array([int(line.split(";")[1]) for line in register.splitlines()])
print("images", images.shape, "labels", labels.shape)

x = torch.from_numpy(images).float().unsqueeze(1) / 8.0 - 1.0
y = torch.from_numpy(labels)
cut = 1400
x_train, y_train, x_hold, y_hold = x[:cut], y[:cut], x[cut:], y[cut:]

net = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
    nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(32 * 16, 96), nn.ReLU(), nn.Linear(96, 10),
)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(1, 16):
    net.train()
    hits = total = 0.0
    for idx in torch.randperm(cut).split(50):
        opt.zero_grad()
        out = net(x_train[idx])
        loss = F.cross_entropy(out, y_train[idx])
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
        hits += (out.argmax(1) == y_train[idx]).sum().item()
    net.eval()
    with torch.no_grad():
        hold = (net(x_hold).argmax(1) == y_hold).float().mean().item()
    print(f"epoch {epoch:2d}  loss {total / cut:.4f}  train acc {hits / cut:.3f}  held-out acc {hold:.3f}")
