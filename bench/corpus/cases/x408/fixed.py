import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split

options = {
    'n_in': 2,
    'n_hid': 24,
    'n_layers': 3,
    'act': 'Tanh',
    'lr': 0.01,
    'batch_size': 40,
    'n_epochs': 40,
}


class Net(nn.Module):
    def __init__(self, options):
        super(Net, self).__init__()
        indim = options['n_in']
        self.hids = nn.ModuleList()
        for li in range(options['n_layers']):
            self.hids.append(nn.Linear(indim, options['n_hid']))
            indim = options['n_hid']
        self.act = getattr(nn, options['act'])()
        self.classifier = nn.Linear(indim, 2)

    def forward(self, x):
        for hid in self.hids:
            x = self.act(hid(x))
        return self.classifier(x)


def main():
    torch.manual_seed(4)
    # 4 x 4 checkerboard
    X = np.random.RandomState(4).uniform(-2, 2, (2400, 2))
    y = (np.floor(X[:, 0]) + np.floor(X[:, 1])).astype(int) % 2
    xt, xv, yt, yv = train_test_split(torch.tensor(X, dtype=torch.float32), torch.tensor(y), test_size=0.25, random_state=4)

    net = Net(options)
    print(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=options['lr'])
    criterion = nn.CrossEntropyLoss()

    for eidx in range(options['n_epochs']):
        net.train()
        cost = 0.
        for idx in torch.randperm(len(xt)).split(options['batch_size']):
            optimizer.zero_grad()
            loss = criterion(net(xt[idx]), yt[idx])
            loss.backward()
            optimizer.step()
            cost += loss.item() * len(idx)
        net.eval()
        with torch.no_grad():
            acc = (net(xv).max(1)[1] == yv).float().mean().item()
        if (eidx + 1) % 5 == 0:
            print('epoch', eidx + 1, 'cost %.4f' % (cost / len(xt)), 'valid acc %.4f' % acc)


if __name__ == '__main__':
    main()
