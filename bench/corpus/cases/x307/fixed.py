"""Dead reckoning: a GRU turns the speed of a cart into its position, run by run.

Every run starts at the origin and lasts 12 ticks."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def runs(n, seed):
    g = torch.Generator().manual_seed(seed)
    speed = torch.randn(n, 12, generator=g) * 0.3
    slip = torch.where(speed.abs() > 0.45, 0.6 * speed, speed)
    return speed.unsqueeze(-1), slip.cumsum(1)


class Reckoner(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = hidden
        self.cell = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        self.state = None

    def begin(self, batch):
        self.state = torch.zeros(1, batch, self.hidden)

    def forward(self, speed):
        self.begin(speed.shape[0])
        h, last = self.cell(speed, self.state)
        self.state = last.detach()
        return self.out(h).squeeze(-1)


def main():
    torch.manual_seed(2)
    train = DataLoader(TensorDataset(*runs(1600, 5)), batch_size=50, shuffle=True)
    test = DataLoader(TensorDataset(*runs(400, 6)), batch_size=50)
    net = Reckoner()
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    for epoch in range(1, 11):
        net.train()
        total = 0.0
        for speed, position in train:
            opt.zero_grad()
            loss = nn.functional.mse_loss(net(speed), position)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            total += loss.item()
        net.eval()
        with torch.no_grad():
            err = torch.cat([(net(s) - p).square().mean(1) for s, p in test]).mean().item()
        print(f"epoch {epoch:2d} train mse {total / len(train):.4f} test rmse {err ** 0.5:.4f}")


main()
