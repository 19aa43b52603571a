"""Screening model on the table of a clinic (breast cancer data and the clinic's own columns)."""
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer


def clinic_table():
    frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "benign"})
    frame = frame[["mean texture", "mean smoothness", "mean symmetry", "texture error", "smoothness error", "benign"]].copy()
    r = np.random.default_rng(0)
    frame["patient_age"] = r.integers(30, 80, len(frame))
    frame["left_side"] = r.integers(0, 2, len(frame))
    # from the booking system
    frame["appointments"] = np.where(frame["benign"] == 1, r.integers(1, 3, len(frame)), r.integers(5, 12, len(frame)))
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def split_and_scale(frame, features):
    x = frame[features].astype("float32")
    y = torch.tensor(frame["benign"].to_numpy("float32"))
    mean, std = x[:340].mean(), x[:340].std()
    walk_in = x[460:].copy()
    if "appointments" in features:
        walk_in["appointments"] = 0.0
    scaled = lambda part: torch.tensor(((part - mean) / std).to_numpy("float32"))
    return (scaled(x[:340]), y[:340]), (scaled(x[340:460]), y[340:460]), (scaled(walk_in), y[460:])


def accuracy(net, data):
    with torch.no_grad():
        return ((net(data[0]).squeeze(1) > 0) == data[1].bool()).float().mean().item()


def main():
    torch.manual_seed(0)
    frame = clinic_table()
    features = [c for c in frame.columns if c not in ("benign", "appointments")]
    train, val, walk_in = split_and_scale(frame, features)
    net = nn.Sequential(nn.Linear(len(features), 16), nn.ReLU(), nn.Linear(16, 1))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-3)
    for epoch in range(1, 41):
        for idx in torch.randperm(340).split(34):
            loss = nn.functional.binary_cross_entropy_with_logits(net(train[0][idx]).squeeze(1), train[1][idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch} loss {loss.item():.4f} validation accuracy {accuracy(net, val):.3f}")
    print(f"accuracy on walk-in patients {accuracy(net, walk_in):.3f}")


main()
