"""A slow disk: one file a sample, and each read takes four milliseconds in which nothing is computed."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

FOLDER = Path(tempfile.gettempdir(), f"digits-one-by-one-{os.getuid()}")


def written():
    digits = load_digits()
    if not FOLDER.is_dir():
        FOLDER.mkdir()
        for i, image in enumerate(digits.images[:800].astype(np.float32)):
            np.save(FOLDER / f"{i}.npy", image)
    return digits.target[:800]


class Files(Dataset):
    def __init__(self):
        self.labels = written()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        time.sleep(0.004)
        return torch.from_numpy(np.load(FOLDER / f"{index}.npy"))[None] / 16, int(self.labels[index])


def make_loader(**settings):
    return DataLoader(Files(), batch_size=16, shuffle=True, **settings)


def train(loader, seconds):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    steps, started = 0, time.perf_counter()
    while True:
        for images, labels in loader:
            if time.perf_counter() - started > seconds:
                return steps / (time.perf_counter() - started)
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1


if __name__ == "__main__":
    train(make_loader(), 600)
