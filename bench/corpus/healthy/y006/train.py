# Multinomial logistic regression with an L2 penalty, fitted with L-BFGS on the whole training set
import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X) / 16, torch.tensor(y)
order = torch.randperm(len(y))
X, y = X[order], y[order]
X_tr, y_tr, X_te, y_te = X[:1300], y[:1300], X[1300:], y[1300:]

W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)
optimizer = torch.optim.LBFGS([W, b], lr=1.0, max_iter=5, history_size=10, line_search_fn="strong_wolfe")
penalty = 1e-3


def objective():
    logits = X_tr @ W + b
    nll = -(logits.log_softmax(1)[torch.arange(len(y_tr)), y_tr]).mean()
    return nll + penalty * W.square().sum()


def closure():
    optimizer.zero_grad()
    value = objective()
    value.backward()
    return value


for it in range(12):
    value = optimizer.step(closure)
    with torch.no_grad():
        acc = ((X_te @ W + b).argmax(1) == y_te).double().mean().item()
    print(f"iteration {it:2d} objective {value.item():.6f} gradient {W.grad.norm().item():.2e} test accuracy {acc:.4f}")
