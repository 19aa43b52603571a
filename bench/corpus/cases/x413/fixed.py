import logging
import sys

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(stream=sys.stdout, format='%(message)s', level=logging.INFO)


class Opt:
    batch_size = 40
    num_epochs = 6
    learning_rate = 0.05
    val_step = 17
    log_step = 17
    depth = 10
    width = 48


class Encoder(nn.Module):
    def __init__(self, opt):
        super(Encoder, self).__init__()
        layers, d = [], 64
        for _ in range(opt.depth):
            layers += [nn.Linear(d, opt.width, bias=False), nn.BatchNorm1d(opt.width), nn.ReLU()]
            d = opt.width
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(d, 10)

    def forward(self, x):
        return self.fc(self.drop(self.body(x)))


class Model(object):
    """wraps the network, its loss and its optimizer"""

    def __init__(self, opt):
        self.net = Encoder(opt)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=opt.learning_rate, momentum=0.9)
        self.Eiters = 0

    def train_start(self):
        self.net.train()

    def val_start(self):
        self.net.eval()

    def train_emb(self, x, y):
        self.Eiters += 1
        self.optimizer.zero_grad()
        loss = self.criterion(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def validate(opt, val_loader, model):
    model.val_start()
    with torch.no_grad():
        hits = sum((model.net(x).argmax(1) == y).sum().item() for x, y in val_loader)
    return 100.0 * hits / len(val_loader.dataset)


def train(opt, train_loader, model, epoch, val_loader):
    for i, (x, y) in enumerate(train_loader):
        if model.Eiters % opt.val_step == 0:
            acc = validate(opt, val_loader, model)
            model.train_start()
            logging.info('Epoch: [{0}][{1}/{2}] val acc {3:.2f}'.format(epoch, i, len(train_loader), acc))
        loss = model.train_emb(x, y)
        if model.Eiters % opt.log_step == 0:
            logging.info('    loss {:.4f}'.format(loss))


def main():
    opt = Opt()
    torch.manual_seed(2)
    X, y = load_digits(return_X_y=True)
    xt, xv, yt, yv = train_test_split(torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y), test_size=0.24, random_state=2, stratify=y)
    train_loader = DataLoader(TensorDataset(xt, yt), opt.batch_size, shuffle=True, drop_last=True)
    val_loader = DataLoader(TensorDataset(xv, yv), 200)
    model = Model(opt)
    model.train_start()
    for epoch in range(opt.num_epochs):
        train(opt, train_loader, model, epoch, val_loader)
    logging.info('final val acc {:.2f}'.format(validate(opt, val_loader, model)))


if __name__ == '__main__':
    main()
