from __future__ import print_function
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.bn = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16 * 3 * 3, 84)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x):
        x = torch.tanh(self.conv1(x))
        x = torch.tanh(self.bn(self.conv2(x)))
        x = F.avg_pool2d(x, 2)
        x = x.view(-1, 16 * 3 * 3)
        x = torch.tanh(self.fc1(x))
        return self.fc2(x)


def get_data(batch_size):
    digits = load_digits()
    x = torch.from_numpy(digits.images).float().unsqueeze(1).div(8).sub(1)
    y = torch.from_numpy(digits.target).long()
    perm = torch.randperm(len(y))
    x, y = x[perm], y[perm]
    train_set, test_set = TensorDataset(x[:1400], y[:1400]), TensorDataset(x[1400:], y[1400:])
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(test_set, 200)


def train(args, model, train_loader, optimizer, criterion, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        output = model(data)
        loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        if args.log_interval and batch_idx % args.log_interval == 0:
            print('Train Epoch: {} [{}/{}]\tLoss: {:.6f}'.format(
                epoch, batch_idx * len(data), len(train_loader.dataset), loss.item()))
        optimizer.step()


def test(model, test_loader, criterion):
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data)
            test_loss += criterion(output, target).item() * len(data)
            correct += output.argmax(dim=1).eq(target).sum().item()
    n = len(test_loader.dataset)
    print('Test set: Average loss: {:.4f}, Accuracy: {}/{} ({:.1f}%)'.format(test_loss / n, correct, n, 100. * correct / n))


def main():
    parser = argparse.ArgumentParser(description='LeNet on digits')
    parser.add_argument('--batch-size', type=int, default=50)
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--lr', type=float, default=0.002)
    parser.add_argument('--log-interval', type=int, default=14)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_loader, test_loader = get_data(args.batch_size)
    model = LeNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        train(args, model, train_loader, optimizer, criterion, epoch)
        test(model, test_loader, criterion)


if __name__ == '__main__':
    main()
