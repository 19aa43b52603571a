"""Which way does the truck drive? 14x20 silhouettes from the gate camera."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

HEADINGS = ("left", "right")


def silhouette(rng, heading):
    img = rng.normal(0.15, 0.06, (14, 20))
    top, at = rng.integers(2, 5), rng.integers(2, 5)
    img[top + 1 : top + 8, at + 4 : at + 14] += 0.6
    img[top + 3 : top + 8, at : at + 4] += rng.uniform(0.35, 0.6)
    img[top + 3 : top + 5, at : at + 2] -= 0.2
    return img if heading == 0 else img[:, ::-1].copy()


class Gate(Dataset):
    def __init__(self, n, seed, transform=None):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, 2, n)
        self.images = [torch.tensor(silhouette(rng, k), dtype=torch.float32)[None] for k in self.labels]
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[i])


class Classifier(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(c, 2 * c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classify = nn.Sequential(nn.Flatten(), nn.Linear(2 * c * 15, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x):
        return self.classify(self.features(x))


def main():
    torch.manual_seed(6)
    normalize = transforms.Normalize([0.35], [0.3])
    train_tf = transforms.Compose([
        transforms.RandomCrop((14, 20), padding=1),
        normalize,
    ])
    train = DataLoader(Gate(600, 0, train_tf), batch_size=40, shuffle=True)
    val = DataLoader(Gate(200, 1, normalize), batch_size=100)
    model, loss_fn = Classifier(), nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 9):
        model.train()
        running = 0.0
        for x, y in train:
            loss = loss_fn(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item()
        model.eval()
        with torch.no_grad():
            acc = sum((model(x).argmax(1) == y).sum().item() for x, y in val) / 200
        print(f"epoch {epoch}: loss {running / len(train):.4f}, val accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
