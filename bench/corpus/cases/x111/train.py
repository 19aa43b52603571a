import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

DIRECTIONS = [(0, 1), (0, -1), (1, 0), (-1, 0)]


class MovingSpot(Dataset):
    """Clips of six 8x8 frames with a spot that drifts in one of four directions."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.way = torch.randint(0, 4, (n,), generator=g)
        start = torch.randint(0, 8, (n, 2), generator=g)
        self.clips = 0.1 * torch.randn(n, 6, 1, 8, 8, generator=g)
        for i in range(n):
            dy, dx = DIRECTIONS[self.way[i]]
            for t in range(6):
                self.clips[i, t, 0, (start[i, 0] + dy * t) % 8, (start[i, 1] + dx * t) % 8] += 1.5

    def __len__(self):
        return len(self.way)

    def __getitems__(self, rows):
        return [(self.clips[r], self.way[r]) for r in rows]

    def __getitem__(self, r):
        return self.clips[r], self.way[r]


class ClipNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.frame = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, stride=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(128, width), nn.ReLU(),
        )
        self.time = nn.GRU(width, 32, batch_first=True)
        self.out = nn.Linear(32, 4)

    def forward(self, clip):
        frames = [self.frame(clip[:, t]) for t in range(clip.shape[1])]
        feats = torch.cat(frames).view(clip.shape[0], clip.shape[1], -1)
        _, last = self.time(feats)
        return self.out(last[0])


class Runner:
    def __init__(self, net, rate, callbacks):
        self.net, self.callbacks = net, callbacks
        self.opt = torch.optim.RAdam(net.parameters(), lr=rate)
        self.crit = nn.CrossEntropyLoss()

    def emit(self, name, **kw):
        if name in self.callbacks:
            self.callbacks[name](**kw)

    def step(self, clip, way):
        self.opt.zero_grad()
        loss = self.crit(self.net(clip), way)
        loss.backward()
        self.opt.step()
        return loss.item()

    def run(self, train, test, epochs):
        for e in range(epochs):
            self.net.train()
            mean = sum(self.step(c, w) for c, w in train) / len(train)
            self.net.eval()
            with torch.no_grad():
                ok = torch.cat([self.net(c).argmax(1) == w for c, w in test]).float().mean().item()
            self.emit("epoch_end", epoch=e, loss=mean, acc=ok)


if __name__ == "__main__":
    torch.manual_seed(21)
    train = DataLoader(MovingSpot(1200, 1), batch_size=32, shuffle=True, drop_last=True)
    test = DataLoader(MovingSpot(320, 2), batch_size=64)
    say = lambda epoch, loss, acc: print(f"epoch {epoch} loss {loss:.4f} test accuracy {acc:.3f}")
    Runner(ClipNet(), 4e-3, {"epoch_end": say}).run(train, test, 8)
