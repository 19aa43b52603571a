import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(3)
rng = np.random.default_rng(3)


class HouseDataset(Dataset):
    def __init__(self, features, prices):
        self.x = torch.from_numpy(features).float()
        self.y = torch.from_numpy(prices).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def make_houses(n):
    area = rng.normal(0, 1, n)
    rooms = 0.6 * area + rng.normal(0, 0.8, n)
    age = rng.normal(0, 1, n)
    dist = rng.normal(0, 1, n)
    noise = rng.normal(0, 0.15, n)
    price = 1.1 * area + 0.4 * np.tanh(rooms) - 0.5 * age * (dist > 0) - 0.3 * dist + noise
    return np.stack([area, rooms, age, dist], 1), price


class PriceNet(nn.Module):
    def __init__(self, n_features):
        super(PriceNet, self).__init__()
        self.fc1 = nn.Linear(n_features, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.fc3(x)


def rmse(pred, actual):
    return torch.sqrt(torch.mean((pred - actual) ** 2))


x_train, y_train = make_houses(2000)
x_val, y_val = make_houses(500)
train_dl = DataLoader(HouseDataset(x_train, y_train), batch_size=32, shuffle=True)

model = PriceNet(4)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(1, 31):
    model.train()
    epoch_loss = []
    for xb, yb in train_dl:
        optimizer.zero_grad()
        output = model(xb)
        loss = rmse(output.squeeze(1), yb)
        loss.backward()
        optimizer.step()
        epoch_loss.append(loss.item())
    if epoch % 5 == 0:
        print('Epoch {:3d} train RMSE {:.4f}'.format(epoch, np.mean(epoch_loss)))

model.eval()
with torch.no_grad():
    pred = model(torch.from_numpy(x_val).float()).numpy().ravel()
ss_res = ((y_val - pred) ** 2).sum()
ss_tot = ((y_val - y_val.mean()) ** 2).sum()
print('first predictions', np.round(pred[:5], 2), 'actual', np.round(y_val[:5], 2))
print('validation R2: {:.4f}'.format(1 - ss_res / ss_tot))
