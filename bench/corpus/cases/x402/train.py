"""Small U-Net for cell segmentation on generated 24x24 images."""
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class CellDataset(Dataset):
    def __init__(self, n, seed, size=24):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[:size, :size]
        self.images, self.masks = [], []
        for _ in range(n):
            mask = np.zeros((size, size), bool)
            for _ in range(rng.integers(1, 4)):
                cy, cx, r = rng.uniform(3, size - 3), rng.uniform(3, size - 3), rng.uniform(2, 4)
                mask |= (yy - cy) ** 2 + (xx - cx) ** 2 < r * r
            img = 0.35 + 0.3 * mask + rng.normal(0, 0.15, mask.shape)
            self.images.append(img.astype("float32"))
            self.masks.append(mask.astype("float32"))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {"image": torch.from_numpy(self.images[i])[None], "mask": torch.from_numpy(self.masks[i])[None]}


def double_conv(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
                         nn.Conv2d(cout, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, n_channels=1, n_classes=1, width=8):
        super().__init__()
        self.inc = double_conv(n_channels, width)
        self.down = nn.Sequential(nn.MaxPool2d(2), double_conv(width, 2 * width))
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.conv = double_conv(2 * width, width)
        self.outc = nn.Conv2d(width, n_classes, 1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down(x1)
        x = torch.cat([x1, self.up(x2)], dim=1)
        d1 = self.outc(self.conv(x))
        return torch.sigmoid(d1)


def evaluate(net, loader):
    net.eval()
    inter = union = 0.0
    with torch.no_grad():
        for batch in loader:
            pred = torch.sigmoid(net(batch["image"])) > 0.5
            true = batch["mask"] > 0.5
            inter += (pred & true).sum().item()
            union += (pred | true).sum().item()
    return inter / union


def train_net(args):
    torch.manual_seed(0)
    train_loader = DataLoader(CellDataset(240, 1), batch_size=args.batchsize, shuffle=True)
    val_loader = DataLoader(CellDataset(80, 2), batch_size=40)
    net = UNet()
    optimizer = torch.optim.RMSprop(net.parameters(), lr=args.lr, weight_decay=1e-8, momentum=0.9)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(args.epochs):
        net.train()
        epoch_loss = 0
        for batch in train_loader:
            masks_pred = net(batch["image"])
            loss = criterion(masks_pred, batch["mask"])
            epoch_loss += loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"Epoch {epoch + 1}: loss {epoch_loss / len(train_loader):.4f}  val IoU {evaluate(net, val_loader):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the UNet on images and target masks")
    parser.add_argument("-e", "--epochs", type=int, default=10)
    parser.add_argument("-b", "--batchsize", type=int, default=8)
    parser.add_argument("-l", "--lr", type=float, default=1e-3)
    train_net(parser.parse_args())
