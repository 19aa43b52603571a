"""Activity recognition from three sensors, one recurrent encoder per sensor."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SENSORS = {"accelerometer": 3, "gyroscope": 3, "barometer": 1}
STEPS, ACTIVITIES = 20, 6


class Recordings(Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        t = torch.arange(STEPS).float()
        self.label = torch.randint(ACTIVITIES, (n,), generator=g)
        speed = 0.25 + 0.15 * (self.label % 3).float()
        rising = (self.label // 3).float() * 2 - 1
        phase = 6.28 * torch.rand(n, 1, generator=g)
        wave = torch.sin(speed[:, None] * t + phase)
        self.data = {}
        for name, dims in SENSORS.items():
            noise = 0.6 * torch.randn(n, STEPS, dims, generator=g)
            if name == "barometer":
                slope = (rising * torch.rand(n, generator=g))[:, None] * (t - t.mean()) / STEPS
                noise = 0.4 * noise + 2.0 * slope.unsqueeze(-1) + torch.randn(n, 1, 1, generator=g)
            else:
                direction = torch.randn(n, 1, dims, generator=g)
                noise = noise + wave.unsqueeze(-1) * direction
            self.data[name] = noise

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return {name: v[i] for name, v in self.data.items()}, self.label[i]


class MultiSensorNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.encoders = dict((name, nn.GRU(dims, hidden, batch_first=True)) for name, dims in SENSORS.items())
        self.fuse = nn.Sequential(nn.Linear(hidden * len(SENSORS), 48), nn.ReLU(), nn.Linear(48, ACTIVITIES))

    def forward(self, signals):
        states = []
        for name, encoder in self.encoders.items():
            _, last = encoder(signals[name])
            states.append(last[0])
        return self.fuse(torch.cat(states, dim=1))


class Trainer:
    def __init__(self, model, train_set, val_set, lr=6e-3, batch_size=64):
        self.model = model
        self.train_loader = DataLoader(train_set, batch_size, shuffle=True)
        self.val_loader = DataLoader(val_set, 256)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.criterion = nn.CrossEntropyLoss()

    def fit(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            total = 0.0
            for signals, label in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(signals), label)
                loss.backward()
                self.optimizer.step()
                total += loss.item()
            print(f"epoch {epoch + 1} loss {total / len(self.train_loader):.4f} accuracy {self.validate():.3f}")

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        hits = sum((self.model(s).argmax(1) == y).sum().item() for s, y in self.val_loader)
        return hits / len(self.val_loader.dataset)


if __name__ == "__main__":
    torch.manual_seed(17)
    model = MultiSensorNet()
    print(sum(p.numel() for p in model.parameters()), "parameters")
    Trainer(model, Recordings(2000, 1), Recordings(500, 2)).fit(12)
