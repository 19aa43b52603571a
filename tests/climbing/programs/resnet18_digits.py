# mypy: ignore-errors
"""Torchvision's ResNet-18, whose ReLUs work in place, learns the digits scaled to 32x32."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import resnet18


def main():
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    images = F.interpolate((images - images.mean()) / images.std(), size=32).repeat(1, 3, 1, 1)
    labels = torch.tensor(digits.target)
    loader = DataLoader(TensorDataset(images[:512], labels[:512]), batch_size=16, shuffle=True)
    model = resnet18(weights=None, num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    model.train()
    for epoch in range(2):
        total = 0.0
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(loader):.4f}")


if __name__ == "__main__":
    main()
