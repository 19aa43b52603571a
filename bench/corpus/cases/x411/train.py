"""Minimal trainer driven by two dictionaries."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits


class ImageFolder(Dataset):
    """digits laid out as one folder a class, listed folder by folder"""

    def __init__(self, split):
        d = load_digits()
        self.samples = []
        for c in range(10):
            items = [(img, c) for img, t in zip(d.images, d.target) if t == c]
            cut = int(0.8 * len(items))
            self.samples += items[:cut] if split == "train" else items[cut:]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        img, c = self.samples[i]
        return torch.tensor(img, dtype=torch.float32)[None] / 16.0, c


class ConvNet(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, num_classes))

    def forward(self, x):
        return self.head(self.features(x))


class Trainer:
    def __init__(self, experiment_name):
        self.name = experiment_name

    def fit(self, net, train_loader, valid_loader, training_params):
        p = training_params
        opt = torch.optim.SGD(net.parameters(), lr=p["initial_lr"], **p["optimizer_params"])
        loss_fn = {"cross_entropy": nn.CrossEntropyLoss}[p["loss"]]()
        sched = torch.optim.lr_scheduler.MultiStepLR(opt, p["lr_updates"], p["lr_decay_factor"])
        for epoch in range(p["max_epochs"]):
            net.train()
            total = 0.0
            for x, y in train_loader:
                opt.zero_grad()
                loss = loss_fn(net(x), y)
                loss.backward()
                opt.step()
                total += loss.item()
            sched.step()
            print(f"[{self.name}] epoch {epoch} train loss {total / len(train_loader):.4f} valid Accuracy {self.test(net, valid_loader):.4f}")

    @torch.no_grad()
    def test(self, net, loader):
        net.eval()
        hits = sum((net(x).argmax(1) == y).sum().item() for x, y in loader)
        return hits / len(loader.dataset)


dataloader_params = {"batch_size": 48}
train_params = {
    "max_epochs": 10,
    "initial_lr": 0.05,
    "lr_updates": [7],
    "lr_decay_factor": 0.1,
    "optimizer_params": {"weight_decay": 0.0001, "momentum": 0.9, "nesterov": True},
    "loss": "cross_entropy",
}

if __name__ == "__main__":
    torch.manual_seed(0)
    train_loader = DataLoader(ImageFolder("train"), **dataloader_params)
    valid_loader = DataLoader(ImageFolder("valid"), **dataloader_params)
    Trainer("digits_convnet").fit(ConvNet(10), train_loader, valid_loader, train_params)
