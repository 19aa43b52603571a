"""Predict whether a donor comes back. The export codes the outcome the way the clinic's database does."""
import csv
import io
import math
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

CONFIG = {
    "seed": 12,
    "hidden": [24, 24],
    "dropout": 0.1,
    "optimizer": {"lr": 3e-3, "weight_decay": 1e-4},
    "batch_size": 50,
    "epochs": 15,
}


def export_table(n=2400):
    rnd = random.Random(99)
    buf = io.StringIO()
    w = csv.writer(buf)
    w.writerow(["recency", "frequency", "distance_km", "age", "outcome"])
    for _ in range(n):
        rec, freq = rnd.expovariate(1 / 8), 1 + int(rnd.expovariate(1 / 5))
        dist, age = rnd.uniform(0, 30), rnd.uniform(18, 70)
        z = 1.5 - 0.22 * rec + 0.25 * freq - 0.12 * abs(dist - 12) + 0.8 * math.sin(age / 8)
        returned = rnd.random() < 1 / (1 + math.exp(-2 * z))
        w.writerow([f"{rec:.2f}", freq, f"{dist:.1f}", f"{age:.1f}", 2 if returned else 1])
    buf.seek(0)
    return buf


class DonorTable(Dataset):
    columns = ("recency", "frequency", "distance_km", "age")

    def __init__(self, handle):
        rows = list(csv.DictReader(handle))
        self.features = torch.tensor([[float(r[c]) for c in self.columns] for r in rows])
        self.outcome = torch.tensor([float(r["outcome"]) - 1.0 for r in rows])

    def standardise(self, index):
        part = self.features[index]
        self.features = (self.features - part.mean(0)) / part.std(0)

    def __len__(self):
        return len(self.outcome)

    def __getitem__(self, i):
        return {"x": self.features[i], "y": self.outcome[i]}


def build(config):
    layers, width = [], len(DonorTable.columns)
    for h in config["hidden"]:
        layers += [nn.Linear(width, h), nn.ReLU(), nn.Dropout(config["dropout"])]
        width = h
    return nn.Sequential(*layers, nn.Linear(width, 1), nn.Flatten(0))


def accuracy(model, loader):
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for batch in loader:
            pred = (torch.sigmoid(model(batch["x"])) > 0.5).float()
            hits += (pred == (batch["y"] == batch["y"].max()).float()).sum().item()
            total += len(pred)
    return hits / total


def run(config):
    torch.manual_seed(config["seed"])
    table = DonorTable(export_table())
    perm = torch.randperm(len(table)).tolist()
    train_ids, val_ids = perm[:1900], perm[1900:]
    table.standardise(train_ids)
    train_loader = DataLoader(Subset(table, train_ids), batch_size=config["batch_size"], shuffle=True)
    val_loader = DataLoader(Subset(table, val_ids), batch_size=250)
    model = build(config)
    optimizer = torch.optim.AdamW(model.parameters(), **config["optimizer"])
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(1, config["epochs"] + 1):
        model.train()
        running = 0.0
        for batch in train_loader:
            loss = criterion(model(batch["x"]), batch["y"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d} | loss {running / len(train_loader):9.4f} | val accuracy {accuracy(model, val_loader):.3f}")


if __name__ == "__main__":
    run(CONFIG)
