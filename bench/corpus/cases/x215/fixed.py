import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Snippets(Dataset):
    """Short texts (word ids) by a dozen authors with their own vocabularies."""

    def __init__(self, n, seed, authors=12, words=400, length=30):
        habits = torch.Generator().manual_seed(77)
        taste = (1.1 * torch.randn(authors, words, generator=habits)).softmax(1)
        g = torch.Generator().manual_seed(seed)
        self.author = torch.randint(0, authors, (n,), generator=g)
        self.text = torch.multinomial(taste[self.author], length, replacement=True, generator=g)

    def __len__(self):
        return len(self.author)

    def __getitem__(self, i):
        return self.text[i], self.author[i]


class Reader(nn.Module):
    def __init__(self, words=400, width=48, authors=12):
        super().__init__()
        self.emb = nn.Embedding(words, width)
        self.mlp = nn.Sequential(nn.Linear(width, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, authors))

    def forward(self, text):
        return self.mlp(self.emb(text).mean(1))


def test_accuracy(model, loader):
    model.eval()
    good = 0
    with torch.no_grad():
        for text, author in loader:
            good += (model(text).argmax(1) == author).sum().item()
    return good / len(loader.dataset)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--micro", type=int, default=8, help="texts that fit in memory")
    ap.add_argument("--accumulate", type=int, default=16, help="micro-batches in one update")
    ap.add_argument("--lr", type=float, default=0.4)
    ap.add_argument("--epochs", type=int, default=10)
    args = ap.parse_args()
    torch.manual_seed(41)

    train = DataLoader(Snippets(2560, 1), batch_size=args.micro, shuffle=True)
    test = DataLoader(Snippets(800, 2), batch_size=200)
    model = Reader()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    print(f"chance loss {math.log(12):.3f}")
    for epoch in range(1, args.epochs + 1):
        model.train()
        mean = 0.0
        optimizer.zero_grad()
        for i, (text, author) in enumerate(train, start=1):
            loss = criterion(model(text), author)
            (loss / args.accumulate).backward()
            if i % args.accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
            mean += (loss.item() - mean) / i
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d} loss {mean:.4f} test accuracy {test_accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
