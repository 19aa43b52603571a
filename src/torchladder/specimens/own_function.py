"""Tumours told apart by a network whose activation is written by hand, to save memory."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.manual_seed(0)


class Swish(torch.autograd.Function):
    """Keeps its input alone, and works out the rest again."""

    @staticmethod
    def forward(ctx, x):
        s = torch.sigmoid(x)
        ctx.save_for_backward(x)
        return x * s

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad * (s + x * s * (1 - s))


class Net(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.first = nn.Linear(features, 32)
        self.second = nn.Linear(32, 32)
        self.out = nn.Linear(32, 2)

    def forward(self, x):
        x = Swish.apply(self.first(x))
        x = Swish.apply(self.second(x))
        return self.out(x)


data = load_breast_cancer()
order = torch.randperm(len(data.target))
inputs = torch.tensor(data.data, dtype=torch.float32)[order]
labels = torch.tensor(data.target)[order]
train, held_out = slice(0, 400), slice(400, None)
inputs = (inputs - inputs[train].mean(0)) / inputs[train].std(0)

model = Net(inputs.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    for rows in torch.randperm(400).split(40):
        optimizer.zero_grad()
        loss = criterion(model(inputs[train][rows]), labels[train][rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(inputs[held_out]).argmax(1) == labels[held_out]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, held-out accuracy {accuracy:.3f}")
