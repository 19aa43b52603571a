"""Train a classifier on features that were extracted to one .npy file a sample."""
import os
import tempfile

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


def extract(root):
    """stands for the extraction job: features/ID.npy and labels/ID.npy"""
    x, y = load_digits(return_X_y=True)
    os.makedirs(os.path.join(root, "features"))
    os.makedirs(os.path.join(root, "labels"))
    order = np.random.default_rng(0).permutation(len(y))[:1500]
    for i, j in enumerate(order):
        np.save(os.path.join(root, "features", f"{i}.npy"), (x[j] / 16).astype(np.float32))
        np.save(os.path.join(root, "labels", f"{i}.npy"), np.int64(y[j]))


class FeatureDataset(Dataset):
    def __init__(self, features_dir, labels_dir):
        self.features_dir = features_dir
        self.labels_dir = labels_dir
        self.features_files = sorted(os.listdir(features_dir), key=lambda f: int(f.split(".")[0]))
        self.labels_files = sorted(os.listdir(labels_dir), key=lambda f: int(f.split(".")[0]))

    def __len__(self):
        assert len(self.features_files) == len(self.labels_files), "Number of feature files and label files should be same"
        return len(self.features_files)

    def __getitem__(self, idx):
        features = np.load(os.path.join(self.features_dir, self.features_files[idx]))
        label = np.load(os.path.join(self.labels_dir, self.labels_files[idx]))
        return torch.from_numpy(features), torch.tensor(int(label))


def main():
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as root:
        extract(root)
        dataset = FeatureDataset(os.path.join(root, "features"), os.path.join(root, "labels"))
        train_set, val_set = torch.utils.data.random_split(dataset, [1200, 300])
        loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
        val_loader = DataLoader(val_set, batch_size=100)

        model = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 64), nn.GELU(), nn.Linear(64, 10))
        opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for epoch in range(12):
            model.train()
            running_loss, steps = 0.0, 0
            for x, y in loader:
                loss = nn.functional.cross_entropy(model(x), y)
                opt.zero_grad()
                loss.backward()
                opt.step()
                running_loss += loss.item()
                steps += 1
            model.eval()
            with torch.no_grad():
                hits = sum((model(x).argmax(-1) == y).sum().item() for x, y in val_loader)
            print(f"(epoch={epoch:02d}) Train Loss: {running_loss / steps:.4f}, Val Acc: {hits / len(val_set):.4f}")


if __name__ == "__main__":
    main()
