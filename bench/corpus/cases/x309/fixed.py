# Which of three technicians made the part? Few parts, many sensors.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def measure(n, generator):
    who = torch.randint(0, 3, (n,), generator=generator)
    sensors = torch.randn(n, 60, generator=generator)
    sensors[:, :3] += 2.0 * nn.functional.one_hot(who, 3)
    return TensorDataset(sensors, who)


def make_loaders(batch_size=20):
    g = torch.Generator().manual_seed(21)
    sets = {"train": measure(180, g), "val": measure(240, g)}
    return {name: DataLoader(s, batch_size=batch_size, shuffle=name == "train") for name, s in sets.items()}


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum = hits = count = 0
    with torch.set_grad_enabled(training):
        for inputs, labels in loader:
            logits = model(inputs)
            loss = criterion(logits, labels)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(labels)
            hits += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
    return loss_sum / count, hits / count


def main():
    torch.manual_seed(21)
    dataloaders = make_loaders()
    model = nn.Sequential(nn.Linear(60, 64), nn.ReLU(), nn.Linear(64, 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 31):
        tl, ta = run_epoch(model, dataloaders["train"], criterion, optimizer)
        vl, va = run_epoch(model, dataloaders["val"], criterion)
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  train loss {tl:.3f} acc {ta:.3f}  val loss {vl:.3f} acc {va:.3f}")


if __name__ == "__main__":
    main()
