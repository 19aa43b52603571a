import time

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

lr = 0.02
batch_size = 64
epochs = [4, 8]


def load(seed=9):
    x, y = make_classification(2600, 24, n_informative=10, n_redundant=4, n_classes=3, weights=[0.3, 0.3, 0.4],
                               n_clusters_per_class=2, class_sep=0.8, flip_y=0.05, random_state=seed)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    train, val = (x[:1800], y[:1800]), (x[1800:], y[1800:])
    # the validation list is written class by class
    order = np.argsort(val[1], kind="stable")
    return train, (val[0][order], val[1][order])


def get_data_iters(batch_size):
    (xt, yt), (xv, yv) = load()
    train_set = TensorDataset(torch.from_numpy(xt), torch.from_numpy(yt))
    val_set = TensorDataset(torch.from_numpy(xv), torch.from_numpy(yv))
    return DataLoader(train_set, batch_size, shuffle=True, drop_last=True), DataLoader(val_set, batch_size)


class Metric:
    def __init__(self):
        self.hits, self.num = 0, 0

    def update(self, labels, preds):
        self.hits += (preds == labels).sum().item()
        self.num += len(labels)

    def get(self):
        return self.hits / max(1, self.num)


def validate(val_data, net, criterion):
    loss = 0.0
    net.eval()
    for i, (data, label) in enumerate(val_data):
        acc = Metric()
        with torch.no_grad():
            output = net(data)
        loss += criterion(output, label).item()
        acc.update(label, output.argmax(1))
    return loss / (i + 1), acc.get()


def main():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(24, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2),
                        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    train_data, val_data = get_data_iters(batch_size)
    criterion = nn.CrossEntropyLoss()
    trainer = optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
    scheduler = optim.lr_scheduler.MultiStepLR(trainer, epochs, 0.3)
    for epoch in range(10):
        _loss, tic = 0.0, time.time()
        net.train()
        for data, label in train_data:
            trainer.zero_grad()
            loss = criterion(net(data), label)
            loss.backward()
            trainer.step()
            _loss += loss.item()
        scheduler.step()
        val_loss, val_accuracy = validate(val_data, net, criterion)
        print("Epoch %d. Train loss: %f, Val loss %f, Val accuracy %f" % (epoch, _loss / len(train_data), val_loss, val_accuracy))


if __name__ == '__main__':
    main()
