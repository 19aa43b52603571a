import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

SETTINGS = {
    "physical_batch": 16,
    "effective_batch": 96,
    "epochs": 14,
    "lr": 1e-2,
    "seed": 40,
}


class Patches(Dataset):
    """Grey patches that hold a bar at one of four angles under noise."""

    def __init__(self, n, seed, size=10):
        g = torch.Generator().manual_seed(seed)
        yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        c = (size - 1) / 2
        self.angle = torch.randint(4, (n,), generator=g)
        theta = self.angle * torch.pi / 4
        offset = torch.rand(n, 1, 1, generator=g) * 4 - 2
        dist = (xx - c) * torch.sin(theta).view(-1, 1, 1) - (yy - c) * torch.cos(theta).view(-1, 1, 1) - offset
        self.image = (torch.exp(-dist ** 2) - 0.3 + 0.4 * torch.randn(n, size, size, generator=g)).unsqueeze(1)

    def __len__(self):
        return len(self.angle)

    def __getitem__(self, i):
        return self.image[i], self.angle[i]


def build_net():
    return nn.Sequential(nn.Conv2d(1, 12, 5), nn.BatchNorm2d(12), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                         nn.Linear(12 * 9, 32), nn.ReLU(), nn.Linear(32, 4))


def make_train_epoch(net, loader, optimizer, accumulate):
    criterion = nn.CrossEntropyLoss()

    def train_epoch():
        net.train()
        optimizer.zero_grad()
        total = 0.0
        for i, (image, angle) in enumerate(loader):
            loss = criterion(net(image), angle)
            (loss / accumulate).backward()
            total += loss.item()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
        return total / len(loader)

    return train_epoch


def make_evaluate(net, loader):
    @torch.no_grad()
    def evaluate():
        net.eval()
        return sum((net(image).argmax(1) == angle).sum().item() for image, angle in loader) / len(loader.dataset)

    return evaluate


def main():
    torch.manual_seed(SETTINGS["seed"])
    train_loader = DataLoader(Patches(480, 1), batch_size=SETTINGS["physical_batch"], shuffle=True)
    test_loader = DataLoader(Patches(400, 2), batch_size=200)
    net = build_net()
    optimizer = optim.Adam(net.parameters(), lr=SETTINGS["lr"])
    accumulate = SETTINGS["effective_batch"] // SETTINGS["physical_batch"]
    train_epoch = make_train_epoch(net, train_loader, optimizer, accumulate)
    evaluate = make_evaluate(net, test_loader)
    for epoch in range(SETTINGS["epochs"]):
        loss = train_epoch()
        print(f"epoch {epoch:2d} loss {loss:.4f} test accuracy {evaluate():.3f}")


if __name__ == "__main__":
    main()
