import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from torch import nn


def timber(n, seed):
    """Boards with grades 0 (plain) to 3 (defect); the higher the grade the rarer."""
    r = np.random.default_rng(seed)
    grade = r.choice(4, size=n, p=[0.72, 0.18, 0.06, 0.04])
    centre = np.array([[0, 0, 0], [1.6, 0.4, 0], [0.5, 1.9, 0.6], [1.7, 1.5, -1.2]])[grade]
    base = centre + r.normal(size=(n, 3))
    rest = r.normal(size=(n, 9))
    return np.concatenate([base * [12.0, 3.0, 0.4], rest], axis=1), grade


class GradeClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=48, lr=2e-3, epochs=25, batch=64, grades=4, seed=0):
        self.hidden, self.lr, self.epochs, self.batch, self.grades, self.seed = hidden, lr, epochs, batch, grades, seed

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.classes_ = np.arange(self.grades)
        self.scaler_ = StandardScaler().fit(X)
        x = torch.tensor(self.scaler_.transform(X), dtype=torch.float32)
        y = torch.as_tensor(y)
        counts = torch.bincount(y, minlength=self.grades).float()
        weights = counts.sum() / (self.grades * counts)
        self.net_ = nn.Sequential(nn.Linear(x.shape[1], self.hidden), nn.ReLU(), nn.Dropout(0.2),
                                  nn.Linear(self.hidden, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.grades))
        loss_fn = nn.CrossEntropyLoss(weight=weights)
        opt = torch.optim.Adam(self.net_.parameters(), lr=self.lr, weight_decay=1e-4)
        self.curve_ = []
        for _ in range(self.epochs):
            self.net_.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch):
                opt.zero_grad()
                loss = loss_fn(self.net_(x[idx]), y[idx])
                loss.backward()
                opt.step()
                total += loss.item() * len(idx)
            self.curve_.append(total / len(x))
        return self

    def predict(self, X):
        self.net_.eval()
        with torch.no_grad():
            return self.net_(torch.tensor(self.scaler_.transform(X), dtype=torch.float32)).argmax(1).numpy()


X, y = timber(4000, 1)
X_new, y_new = timber(2000, 2)
model = GradeClassifier().fit(X, y)
print("loss", " ".join(f"{v:.3f}" for v in model.curve_[::6]))
guess = model.predict(X_new)
recall = recall_score(y_new, guess, average=None, zero_division=0)
print("recall by grade", " ".join(f"{r:.3f}" for r in recall))
print(f"accuracy {model.score(X_new, y_new):.3f} mean recall {recall.mean():.3f}")
