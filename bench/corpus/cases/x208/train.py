import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_mlp(sizes):
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1]):
        linear = nn.Linear(a, b)
        nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
        layers.append(linear)
        layers.append(nn.Sigmoid())
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


def main(argv=None):
    p = argparse.ArgumentParser(description="Deep fully connected network on the digits")
    p.add_argument("--depth", type=int, default=8)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--lr", type=float, default=0.02)
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args(argv)
    torch.manual_seed(args.seed)

    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.3, random_state=args.seed, stratify=y)
    train = DataLoader(TensorDataset(torch.tensor(x_tr).float(), torch.tensor(y_tr)), batch_size=32, shuffle=True)
    x_te, y_te = torch.tensor(x_te).float(), torch.tensor(y_te)

    model = make_mlp([64] + [args.width] * args.depth + [10])
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(1, args.epochs + 1):
        model.train()
        running = 0.0
        for xb, yb in train:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        if epoch % 5 == 0:
            model.eval()
            with torch.no_grad():
                acc = (model(x_te).argmax(1) == y_te).float().mean().item()
            print(f"epoch {epoch:3d}: loss {running / len(x_tr):.4f}, test accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
