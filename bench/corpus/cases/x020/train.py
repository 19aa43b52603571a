"""Crop-yield maps: per-field regression where only some cells were measured."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class FieldMaps(Dataset):
    def __init__(self, n, seed, size=12):
        g = torch.Generator().manual_seed(seed)
        self.bands = torch.randn(n, 3, size, size, generator=g)
        smooth = nn.functional.avg_pool2d(self.bands, 3, stride=1, padding=1)
        self.yield_ = (1.5 * smooth[:, 0] - smooth[:, 1] * self.bands[:, 2] + 0.1 * torch.randn(n, size, size, generator=g)).unsqueeze(1)
        coverage = torch.rand(n, 1, 1, 1, generator=g) ** 2 * 0.4 + 0.02
        self.measured = torch.rand(n, 1, size, size, generator=g) < coverage

    def __len__(self):
        return len(self.bands)

    def __getitem__(self, i):
        return self.bands[i], self.yield_[i], self.measured[i]


class YieldNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.GroupNorm(4, width), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(4, width), nn.GELU(),
            nn.Conv2d(width, 1, 1))

    def forward(self, x):
        return self.net(x)


def masked_mse(pred, target, mask):
    """Mean over fields of the mean squared error over the measured cells."""
    mask = mask.float()
    err = ((pred - target) ** 2 * mask).flatten(1).sum(1)
    count = mask.flatten(1).sum(1)
    return (err / count).mean()


def fit(model, train_loader, val_set, epochs, lr):
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.1, total_iters=epochs)
    for epoch in range(epochs):
        model.train()
        history = []
        for bands, target, mask in train_loader:
            loss = masked_mse(model(bands), target, mask)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            history.append(loss.item())
        sched.step()
        model.eval()
        with torch.no_grad():
            pred = model(val_set.bands)
        rmse = (pred - val_set.yield_).square().mean().sqrt().item()
        print(f"epoch {epoch + 1} first batch {history[0]:.4f} last batch {history[-1]:.4f} full-map rmse {rmse:.4f}")


if __name__ == "__main__":
    torch.manual_seed(9)
    train_set, val_set = FieldMaps(640, 1), FieldMaps(100, 2)
    fit(YieldNet(), DataLoader(train_set, batch_size=16, shuffle=True), val_set, epochs=8, lr=4e-3)
