import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

TRAINABLE = ("logit_scale", "head")


class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * 16, 64), nn.ReLU(),
        )
        self.head = nn.Linear(64, outputs)
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.head(self.body(x)) * self.logit_scale.exp()


def rotated(x):
    turns = torch.arange(4).repeat_interleave(len(x))
    return torch.cat([torch.rot90(x, k, (2, 3)) for k in range(4)]), turns


def fit(net, x, y, epochs, lr, log):
    opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=lr)
    for epoch in range(epochs):
        total = count = 0
        for xb, yb in DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True):
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total, count = total + loss.item(), count + 1
        log(epoch, total / count)


@torch.no_grad()
def score(net, x, y):
    return (net(x).argmax(1) == y).float().mean().item()


def transfer(net, classes):
    net.head = nn.Linear(net.head.in_features, classes)
    for name, p in net.named_parameters():
        p.requires_grad = name.split(".")[0] in TRAINABLE
    return net


torch.manual_seed(2)
raw = load_digits()
images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
labels = torch.tensor(raw.target)
mix = torch.randperm(len(labels))
images, labels = images[mix], labels[mix]

net = Net(4)
xr, yr = rotated(images[:500])
fit(net, xr, yr, 6, 2e-3, lambda e, l: print(f"[rotation] epoch {e} loss {l:.4f}"))

transfer(net, 10)
xt, yt = images[500:1300], labels[500:1300]
xv, yv = images[1300:], labels[1300:]
fit(net, xt, yt, 12, 3e-2, lambda e, l: print(f"[digits] epoch {e} loss {l:.4f} valid {score(net, xv, yv):.3f}") if e % 3 == 2 else None)
