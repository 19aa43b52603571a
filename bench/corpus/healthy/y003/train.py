"""SimCLR on 8x8 digits, then a linear probe."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, Dataset


class TwoViews(Dataset):
    def __init__(self, images, noise=0.15, shift=1):
        self.images, self.noise, self.shift = images, noise, shift

    def __len__(self):
        return len(self.images)

    def view(self, img):
        dy, dx = torch.randint(-self.shift, self.shift + 1, (2,)).tolist()
        img = torch.roll(img, (dy, dx), dims=(1, 2))
        img = img * (0.7 + 0.6 * torch.rand(1))
        return img + self.noise * torch.randn_like(img)

    def __getitem__(self, i):
        return self.view(self.images[i]), self.view(self.images[i])


class Encoder(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 16, dim))

    def forward(self, x):
        return self.net(x)


def info_nce(z1, z2, temperature=0.3):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / temperature
    n = len(z1)
    sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, partner)


def probe(encoder, xtr, ytr, xte, yte):
    encoder.eval()
    with torch.no_grad():
        a, b = encoder(xtr).numpy(), encoder(xte).numpy()
    return LogisticRegression(max_iter=400).fit(a, ytr).score(b, yte)


if __name__ == "__main__":
    torch.manual_seed(5)
    d = load_digits()
    x, y = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16, d.target
    order = torch.randperm(len(x))
    x, y = x[order], y[order.numpy()]
    loader = DataLoader(TwoViews(x[:1400]), batch_size=140, shuffle=True, drop_last=True)
    encoder, projector = Encoder(), nn.Sequential(nn.ReLU(), nn.Linear(64, 32))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *projector.parameters()], lr=3e-3)
    few = slice(0, 200)
    print(f"probe on an untrained encoder {probe(encoder, x[few], y[few], x[1400:], y[1400:]):.3f}")
    for epoch in range(12):
        encoder.train()
        total = 0.0
        for a, b in loader:
            loss = info_nce(projector(encoder(a)), projector(encoder(b)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1} contrastive loss {total / len(loader):.3f} probe {probe(encoder, x[few], y[few], x[1400:], y[1400:]):.3f}")
