"""Sort sweets by flavour colour: photos come from the camera as arrays, the training set from a file of arrays."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

FLAVOURS = {"cherry": (0.80, 0.18, 0.20), "orange": (0.85, 0.50, 0.15), "blueberry": (0.22, 0.25, 0.75), "lime": (0.35, 0.70, 0.25)}
MEAN = torch.tensor([0.48, 0.40, 0.34]).view(3, 1, 1)
STD = torch.tensor([0.24, 0.21, 0.22]).view(3, 1, 1)


def photograph(rng, colour, size=16):
    yy, xx = np.mgrid[:size, :size]
    cy, cx, r = rng.uniform(6, 10), rng.uniform(6, 10), rng.uniform(3, 6)
    disc = ((yy - cy) ** 2 + (xx - cx) ** 2 < r * r)[..., None]
    light = rng.uniform(0.7, 1.15)
    table = np.array([0.50, 0.42, 0.36]) * rng.uniform(0.8, 1.1)
    img = np.where(disc, np.array(colour) + rng.normal(0, 0.06, 3), table) * light
    return (np.clip(img + rng.normal(0, 0.05, (size, size, 3)), 0, 1) * 255).astype(np.uint8)


def camera_read(frame):
    """The driver hands out frames as the sensor stores them."""
    return np.ascontiguousarray(frame[:, :, ::-1])


class ArchiveSet(Dataset):
    """The pictures that were annotated last year (RGB arrays)."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.y = rng.integers(0, len(FLAVOURS), n)
        colours = list(FLAVOURS.values())
        self.frames = [photograph(rng, colours[k]) for k in self.y]

    def __len__(self):
        return len(self.y)

    def load(self, i):
        return self.frames[i]

    def __getitem__(self, i):
        img = torch.from_numpy(self.load(i)).permute(2, 0, 1).float() / 255
        return (img - MEAN) / STD, int(self.y[i])


class CameraSet(ArchiveSet):
    """The pictures of the belt camera."""

    def load(self, i):
        frame = camera_read(self.frames[i])[:, :, ::-1].copy()
        return frame


class ColourNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        )
        self.head = nn.Linear(96, len(FLAVOURS))

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


def main():
    torch.manual_seed(0)
    train = DataLoader(ArchiveSet(1000, 1), batch_size=50, shuffle=True)
    belt = DataLoader(CameraSet(300, 2), batch_size=100)
    net = ColourNet()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(8):
        net.train()
        right = 0
        for x, y in train:
            out = net(x)
            loss = nn.functional.cross_entropy(out, y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            right += (out.argmax(1) == y).sum().item()
        net.eval()
        with torch.no_grad():
            hits = sum((net(x).argmax(1) == y).sum().item() for x, y in belt)
        print(f"epoch {epoch + 1} archive {right / 1000:.3f} belt {hits / 300:.3f}")


if __name__ == "__main__":
    main()
