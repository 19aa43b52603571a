"""A denoising autoencoder cleans standardised 8x8 digits."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

NOISE = 0.3


class Autoencoder(nn.Module):
    def __init__(self, n_pixels=64, n_code=16):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_pixels, 128), nn.ReLU(), nn.Linear(128, n_code))
        self.decoder = nn.Sequential(nn.Linear(n_code, 128), nn.ReLU(), nn.Linear(128, n_pixels))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def load_images():
    images = torch.tensor(load_digits().data, dtype=torch.float32)
    images = images[torch.randperm(len(images))]
    train, test = images[:1400], images[1400:]
    mean, std = train.mean(), train.std()
    return (train - mean) / std, (test - mean) / std


def test_error(model, test):
    model.eval()
    with torch.no_grad():
        return F.mse_loss(model(test + NOISE * torch.randn_like(test)), test).item()


def main():
    torch.manual_seed(0)
    train, test = load_images()
    loader = DataLoader(train, batch_size=32, shuffle=True)
    model = Autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(20):
        model.train()
        total = 0.0
        for clean in loader:
            noisy = clean + NOISE * torch.randn_like(clean)
            loss = F.mse_loss(model(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(loader):.4f} test {test_error(model, test):.4f}")


if __name__ == "__main__":
    main()
