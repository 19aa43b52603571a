from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def concrete(n, seed):
    """Strength (standardised) of a mix of eight ingredients."""
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 8, generator=g) * 2 - 1
    y = 1.5 * x[:, 0] - x[:, 1] * x[:, 2] + torch.exp(-2 * x[:, 3] ** 2) + 0.5 * torch.sin(3 * x[:, 4])
    return x, (y - 0.6) + 0.05 * torch.randn(n, generator=g)


class Strength(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.a = nn.Linear(8, width)
        self.b = nn.Linear(width, width)
        self.c = nn.Linear(width, 1)

    def forward(self, x):
        return self.c(torch.relu(self.b(torch.relu(self.a(x))))).squeeze(-1)


def main(batch_size=128, lr=0.05, epochs=15):
    torch.manual_seed(13)
    criterion = partial(F.mse_loss, reduction="mean")
    train = DataLoader(TensorDataset(*concrete(2560, 0)), batch_size=batch_size, shuffle=True)
    xt, yt = concrete(600, 1)
    model = Strength()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(1, epochs + 1):
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        if epoch % 3 == 0:
            model.eval()
            with torch.no_grad():
                rmse = F.mse_loss(model(xt), yt).sqrt().item()
            print(f"epoch {epoch} last loss {loss.item():.4g} test rmse {rmse:.4f} (spread of the target {yt.std().item():.2f})")


main()
