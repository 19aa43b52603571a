# mypy: ignore-errors
"""A net behind skorch's interface of scikit-learn."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from torch import nn

torch.manual_seed(0)
digits = load_digits()
pixels, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)


class Net(nn.Module):
    def __init__(self, units=96):
        super().__init__()
        self.hidden = nn.Linear(64, units)
        self.output = nn.Linear(units, 10)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return self.output(x)


net = NeuralNetClassifier(
    Net,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=2e-3,
    max_epochs=10,
    batch_size=64,
    iterator_train__shuffle=True,
)
net.fit(pixels, labels)
print((net.predict(pixels) == labels).mean())
