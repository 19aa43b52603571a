import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

parser = argparse.ArgumentParser(description="convolutional net on 8x8 digits")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--test-batch-size", type=int, default=200)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()

torch.manual_seed(1)
digits = load_digits()
full = TensorDataset(torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(digits.target))
shuffled = torch.randperm(len(full)).tolist()
train_loader = DataLoader(Subset(full, shuffled[:1367]), batch_size=args.batch_size, shuffle=True)
test_loader = DataLoader(Subset(full, shuffled[1367:]), batch_size=args.test_batch_size)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def train(model, opt):
    model.train()
    for x, y in train_loader:
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        opt.step()


def test(model, epoch):
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for x, y in test_loader:
            output = model(x)
            test_loss += F.cross_entropy(output, y, reduction="sum").item()
            correct += output.argmax(dim=1).eq(y).sum().item()
    test_loss /= len(test_loader.dataset)
    accuracy = correct / (len(test_loader) * args.test_batch_size)
    print(f"epoch {epoch}: test loss {test_loss:.4f}, accuracy {100 * accuracy:.1f}%")


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
for epoch in range(1, args.epochs + 1):
    train(model, optimizer)
    test(model, epoch)
