"""Tumour classification with a small network behind the scikit-learn estimator API."""
import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def to_float32(a):
    return np.asarray(a, dtype=np.float32)


class TorchMLP(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=32, lr=0.02, momentum=0.9, epochs=30, batch_size=32, seed=0, verbose=True):
        self.hidden = hidden
        self.lr = lr
        self.momentum = momentum
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.classes_ = np.unique(y)
        self.net_ = nn.Sequential(
            nn.Linear(X.shape[1], self.hidden), nn.Tanh(),
            nn.Linear(self.hidden, self.hidden), nn.Tanh(),
            nn.Linear(self.hidden, len(self.classes_)))
        data = TensorDataset(torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(np.searchsorted(self.classes_, y)))
        loader = DataLoader(data, batch_size=self.batch_size, shuffle=True)
        optimizer = torch.optim.SGD(self.net_.parameters(), lr=self.lr, momentum=self.momentum)
        criterion = nn.CrossEntropyLoss()
        self.net_.train()
        for epoch in range(self.epochs):
            total = 0.0
            for xb, yb in loader:
                optimizer.zero_grad()
                loss = criterion(self.net_(xb), yb)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(yb)
            if self.verbose and (epoch + 1) % 5 == 0:
                print(f"[fit] epoch {epoch + 1:2d} loss {total / len(data):.4f}")
        return self

    @torch.no_grad()
    def predict(self, X):
        self.net_.eval()
        return self.classes_[self.net_(torch.as_tensor(X, dtype=torch.float32)).argmax(1).numpy()]


def main():
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=4, stratify=y)
    clf = make_pipeline(FunctionTransformer(to_float32), TorchMLP(hidden=32, epochs=30))
    clf.fit(X_train, y_train)
    print("train score %.3f" % clf.score(X_train, y_train))
    print("test score %.3f" % clf.score(X_test, y_test))


if __name__ == "__main__":
    main()
