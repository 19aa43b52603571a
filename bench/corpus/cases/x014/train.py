# Two-layer network on the digits, everything by hand on tensors
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)


def dense(n_in, n_out):
    w = torch.full((n_in, n_out), 1.0 / n_in)
    return {"w": w.requires_grad_(), "b": torch.zeros(n_out, requires_grad=True)}


def forward(params, x):
    for layer in params[:-1]:
        x = torch.tanh(x @ layer["w"] + layer["b"])
    return x @ params[-1]["w"] + params[-1]["b"]


def cross_entropy(logits, target):
    return (torch.logsumexp(logits, 1) - logits.gather(1, target[:, None]).squeeze(1)).mean()


def sgd(params, lr):
    with torch.no_grad():
        for layer in params:
            for p in layer.values():
                p.sub_(lr * p.grad)
                p.grad = None


def minibatches(x, y, size):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], y[idx]


X, y = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)
mean, std = x_train.mean(), x_train.std()
x_train, x_test = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (x_train, x_test))
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

params = [dense(64, 48), dense(48, 10)]
for epoch in range(1, 16):
    total = 0.0
    for xb, yb in minibatches(x_train, y_train, 64):
        loss = cross_entropy(forward(params, xb), yb)
        loss.backward()
        sgd(params, lr=0.05)
        total += loss.item() * len(xb)
    if epoch % 3 == 0:
        with torch.no_grad():
            acc = (forward(params, x_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch:2d}: loss {total / len(x_train):.4f}, test accuracy {acc:.4f}")
