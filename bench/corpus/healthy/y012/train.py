"""ReZero residual MLP with a zero-initialised head, compiled."""
import torch
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ReZeroBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gate * self.down(nn.functional.gelu(self.up(self.norm(x))))


class ResidualMLP(nn.Module):
    def __init__(self, n_in, width, blocks, classes):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*[ReZeroBlock(width) for _ in range(blocks)])
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


def main():
    torch.manual_seed(0)
    X, y = make_moons(2000, noise=0.12, random_state=0)
    X = X.astype("float32")
    xtr, xte, ytr, yte = train_test_split(X, y, test_size=0.25, random_state=0)
    mean, std = xtr.mean(0), xtr.std(0)
    xtr, xte = torch.from_numpy((xtr - mean) / std), torch.from_numpy((xte - mean) / std)
    ytr, yte = torch.from_numpy(ytr), torch.from_numpy(yte)
    loader = DataLoader(TensorDataset(xtr, ytr), batch_size=50, shuffle=True, drop_last=True)
    net = ResidualMLP(2, 32, 4, 2)
    model = torch.compile(net, backend="aot_eager")
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        total = 0.0
        for x, t in loader:
            opt.zero_grad()
            loss = criterion(model(x), t)
            loss.backward()
            opt.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            acc = (model(xte).argmax(1) == yte).float().mean().item()
        gates = [round(b.gate.item(), 2) for b in net.blocks]
        print(f"epoch {epoch} loss {total / len(loader):.4f} accuracy {acc:.3f} gates {gates}")


if __name__ == "__main__":
    main()
