import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BaseNNRegressor:
    """fit / predict wrapper with early stopping, scikit-learn style"""

    def __init__(self, n_features, hidden=256, batch_size=16, epochs=120, patience=80, lr=2e-3, verbose=True):
        self.model = nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.batch_size, self.epochs, self.patience, self.verbose = batch_size, epochs, patience, verbose
        self.original_patience = patience
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)
        self.best_loss = float("inf")
        self.best_epoch = -1
        self.best_model_dict = None

    def _loss(self, x, y):
        return nn.functional.mse_loss(self.model(x).squeeze(-1), y)

    def _train_model(self, training_loader, val_loader):
        for epoch in range(1, self.epochs + 1):
            self.model.train()
            epoch_train_loss = []
            for x, y in training_loader:
                self.optimizer.zero_grad()
                loss = self._loss(x, y)
                loss.backward()
                self.optimizer.step()
                epoch_train_loss.append(loss.item())
            self.model.eval()
            with torch.no_grad():
                mean_val_loss = np.mean([self._loss(x, y).item() for x, y in val_loader])
            if self.verbose and epoch % 10 == 0:
                print(f"Epoch {epoch:03d} - training loss: {np.mean(epoch_train_loss):.4f}, validation loss: {mean_val_loss:.4f}")
            if mean_val_loss < self.best_loss:
                self.best_epoch = epoch
                self.best_loss = mean_val_loss
                self.best_model_dict = self.model.state_dict()
                self.patience = self.original_patience
            else:
                self.patience -= 1
            if self.patience == 0:
                print("Exceeded the training patience. Terminating the training procedure...")
                break

    def fit(self, train_set, val_set):
        train = DataLoader(TensorDataset(*train_set), self.batch_size, shuffle=True)
        val = DataLoader(TensorDataset(*val_set), 100)
        self._train_model(train, val)
        self.model.load_state_dict(self.best_model_dict)
        self.model.eval()
        print(f"Finished training. The best model is from epoch#{self.best_epoch}, validation loss {self.best_loss:.4f}")

    @torch.no_grad()
    def predict(self, x):
        return self.model(x).squeeze(-1)


def make(n, gen):
    x = torch.randn(n, 20, generator=gen)
    y = x[:, 0] + 0.5 * torch.sin(2 * x[:, 1]) + 0.8 * torch.randn(n, generator=gen)
    return x, y


if __name__ == "__main__":
    torch.manual_seed(0)
    gen = torch.Generator().manual_seed(12)
    train_set, val_set, test_set = make(160, gen), make(200, gen), make(1000, gen)
    reg = BaseNNRegressor(20)
    reg.fit(train_set, val_set)
    restored = nn.functional.mse_loss(reg.predict(val_set[0]), val_set[1]).item()
    test = nn.functional.mse_loss(reg.predict(test_set[0]), test_set[1]).item()
    print(f"validation MSE of the restored model {restored:.4f}, test MSE {test:.4f}")
