import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

ANGLES = [0.0, 0.785, 1.571, 2.356]


class Waves(Dataset):
    """Clips of six noisy 8x8 frames; waves roll through all of them in one of four directions."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.way = torch.randint(0, 4, (n,), generator=g)
        angle = torch.tensor(ANGLES)[self.way]
        yy, xx = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
        along = xx * angle.cos()[:, None, None] + yy * angle.sin()[:, None, None]
        time = torch.arange(6.0)[None, :, None, None]
        phase = 6.3 * torch.rand(n, 1, 1, 1, generator=g)
        wave = torch.sin(1.6 * along[:, None] + 0.7 * time + phase)
        self.clips = (wave + 0.9 * torch.randn(wave.shape, generator=g))[:, :, None]

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
        feats = torch.stack(frames, dim=1)
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
    train = DataLoader(Waves(1200, 1), batch_size=32, shuffle=True, drop_last=True)
    test = DataLoader(Waves(320, 2), batch_size=64)
    say = lambda epoch, loss, acc: print(f"epoch {epoch} loss {loss:.4f} test accuracy {acc:.3f}")
    Runner(ClipNet(), 4e-3, {"epoch_end": say}).run(train, test, 8)
