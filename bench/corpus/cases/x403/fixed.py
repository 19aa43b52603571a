import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
import torch.utils.data

SHAPES = ['circle', 'square', 'triangle', 'cross', 'spiral', 'star']


class ShapePoints(torch.utils.data.Dataset):
    """2-d point clouds sampled along outlines, randomly rotated a little and jittered."""

    def __init__(self, n, npoints=64, seed=0):
        self.npoints = npoints
        rng = np.random.RandomState(seed)
        self.cls = rng.randint(len(SHAPES), size=n)
        self.pts = np.stack([self._sample(SHAPES[c], rng) for c in self.cls]).astype(np.float32)

    def _sample(self, name, rng):
        t = rng.rand(self.npoints)
        if name == 'circle':
            p = np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t)], 1)
        elif name in ('square', 'triangle'):
            k = 4 if name == 'square' else 3
            a = 2 * np.pi * np.arange(k + 1) / k
            v = np.stack([np.cos(a), np.sin(a)], 1)
            i = np.minimum((t * k).astype(int), k - 1)
            f = (t * k - i)[:, None]
            p = v[i] * (1 - f) + v[i + 1] * f
        elif name == 'cross':
            s = rng.rand(self.npoints) < 0.5
            p = np.where(s[:, None], np.stack([2 * t - 1, 0 * t], 1), np.stack([0 * t, 2 * t - 1], 1))
        elif name == 'spiral':
            p = np.stack([t * np.cos(4 * np.pi * t), t * np.sin(4 * np.pi * t)], 1)
        else:
            r = 0.7 + 0.3 * np.cos(5 * 2 * np.pi * t)
            p = np.stack([r * np.cos(2 * np.pi * t), r * np.sin(2 * np.pi * t)], 1)
        a = rng.uniform(-0.3, 0.3)
        rot = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        return p @ rot.T + rng.normal(0, 0.06, p.shape)

    def __getitem__(self, index):
        return torch.from_numpy(self.pts[index]), torch.tensor(self.cls[index])

    def __len__(self):
        return len(self.cls)


class PointNetCls(nn.Module):
    def __init__(self, k=2):
        super(PointNetCls, self).__init__()
        self.conv1 = torch.nn.Conv1d(2, 32, 1)
        self.conv2 = torch.nn.Conv1d(32, 64, 1)
        self.conv3 = torch.nn.Conv1d(64, 128, 1)
        self.bn1 = nn.BatchNorm1d(32)
        self.bn2 = nn.BatchNorm1d(64)
        self.bn3 = nn.BatchNorm1d(128)
        self.fc1 = nn.Linear(128, 64)
        self.fc2 = nn.Linear(64, k)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x = torch.max(x, 2)[0]
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


torch.manual_seed(1)
dataset = ShapePoints(960, seed=1)
test_dataset = ShapePoints(400, seed=2)
dataloader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True)
testdataloader = torch.utils.data.DataLoader(test_dataset, batch_size=1)

classifier = PointNetCls(k=len(SHAPES))
optimizer = optim.Adam(classifier.parameters(), lr=0.001)

for epoch in range(6):
    for i, (points, target) in enumerate(dataloader):
        points = points.transpose(2, 1)
        optimizer.zero_grad()
        classifier = classifier.train()
        pred = classifier(points)
        loss = F.nll_loss(pred, target)
        loss.backward()
        optimizer.step()
        if i % 25 == 0:
            pred_choice = pred.data.max(1)[1]
            correct = pred_choice.eq(target.data).sum()
            print('[%d: %d/%d] train loss: %f accuracy: %f' % (epoch, i, len(dataloader), loss.item(), correct.item() / float(len(target))))

total_correct = 0
classifier = classifier.eval()
with torch.no_grad():
    for points, target in testdataloader:
        pred = classifier(points.transpose(2, 1))
        total_correct += pred.max(1)[1].eq(target).sum().item()
print("final accuracy {}".format(total_correct / len(test_dataset)))
