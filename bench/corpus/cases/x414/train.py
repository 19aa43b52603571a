import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.sampler import SubsetRandomSampler


class Net(nn.Module):
    def __init__(self, hidden_1=128, hidden_2=64, constant_weight=None):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(64, hidden_1)
        self.fc2 = nn.Linear(hidden_1, hidden_2)
        self.fc3 = nn.Linear(hidden_2, 10)
        # initialize the weights to a specified, constant value
        if constant_weight is not None:
            for m in self.modules():
                if isinstance(m, nn.Linear):
                    nn.init.constant_(m.weight, constant_weight)
                    nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = x.view(-1, 64)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def get_train_val(batch_size=50, valid_size=0.2):
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.images, dtype=torch.float32) / 16, torch.tensor(digits.target))
    indices = list(range(len(data)))
    np.random.seed(7)
    np.random.shuffle(indices)
    split = int(np.floor(valid_size * len(data)))
    train_loader = DataLoader(data, batch_size=batch_size, sampler=SubsetRandomSampler(indices[split:]))
    valid_loader = DataLoader(data, batch_size=batch_size, sampler=SubsetRandomSampler(indices[:split]))
    return train_loader, valid_loader


def train(model, train_loader, valid_loader, n_epochs):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_log = []
    for epoch in range(1, n_epochs + 1):
        train_loss = 0
        for data, target in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(data), target)
            loss.backward()
            optimizer.step()
            train_loss += loss.item()
        loss_log.append(train_loss / len(train_loader))
        print('Epoch: {}\tTraining Loss: {:.4f}'.format(epoch, loss_log[-1]))
    correct = total = 0
    with torch.no_grad():
        for data, target in valid_loader:
            _, predicted = torch.max(model(data), 1)
            correct += (predicted == target).sum().item()
            total += len(target)
    return loss_log, 100 * correct / total


torch.manual_seed(7)
train_loader, valid_loader = get_train_val()
model = Net(constant_weight=0.05)
loss_log, val_acc = train(model, train_loader, valid_loader, n_epochs=12)
print('{:7.3f}% -- Validation accuracy, {:.3f} -- Training loss'.format(val_acc, loss_log[-1]))
