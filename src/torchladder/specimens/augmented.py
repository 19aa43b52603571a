"""Digits with a little noise, added by two worker processes, for a small convolutional net."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        if self.transform is not None:
            image = self.transform(image)
        return image, self.labels[index]


def jitter(image):
    noise = np.random.standard_normal(image.shape)
    return image + 0.1 * torch.from_numpy(noise).float()


def seed_worker(_):
    np.random.seed(torch.initial_seed() % 2**32)


def evaluate(net, loader):
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(dim=1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)


def main():
    torch.manual_seed(0)
    np.random.seed(0)
    digits = load_digits()
    order = np.random.permutation(len(digits.target))
    images = torch.tensor(digits.images[order], dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target[order])

    train = Pictures(images[:1400], labels[:1400], jitter)
    held = Pictures(images[1400:], labels[1400:])
    train_loader = DataLoader(train, batch_size=50, shuffle=True, num_workers=2, worker_init_fn=seed_worker)
    held_loader = DataLoader(held, batch_size=200)

    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(6):
        net.train()
        total = 0.0
        for x, y in train_loader:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        accuracy = evaluate(net, held_loader)
        print(f"epoch {epoch + 1} loss {total / len(train_loader):.4f} held-out accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
