"""Five-fold cross-validation of a small network on the questionnaire data."""
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedKFold
from torch import nn

X, y = make_classification(n_samples=500, n_features=30, n_informative=6, n_redundant=4, flip_y=0.25, class_sep=1.0,
                           random_state=14)
X = torch.from_numpy((X - X.mean(0)) / X.std(0)).float()
y = torch.from_numpy(y).long()

torch.manual_seed(14)
model = nn.Sequential(nn.Linear(30, 64), nn.LayerNorm(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
start = {name: value.clone() for name, value in model.state_dict().items()}


def train_fold(rows, epochs=14, batch=25):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    model.train()
    for _ in range(epochs):
        total = 0.0
        for part in rows[torch.randperm(len(rows))].split(batch):
            loss = nn.functional.cross_entropy(model(X[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(part)
    return total / len(rows)


@torch.no_grad()
def accuracy(rows):
    model.eval()
    return (model(X[rows]).argmax(1) == y[rows]).float().mean().item()


result = []
for fold, (a, b) in enumerate(StratifiedKFold(5, shuffle=True, random_state=14).split(X, y)):
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    model.load_state_dict(start)
    final = train_fold(a)
    result.append(accuracy(b))
    print(f"fold {fold}: final loss {final:.3f}, train accuracy {accuracy(a):.3f}, held-out accuracy {result[-1]:.3f}")
print(f"cross-validated accuracy {np.mean(result):.3f} +- {np.std(result):.3f}")
