"""Right backward passes of layers in NumPy."""

from typing import Any

import numpy as np

rng = np.random.default_rng(0)


class Linear:
    def __init__(self, n_in, n_out):
        self.W = (rng.standard_normal((n_in, n_out)) / 2).astype(np.float32)
        self.b = np.zeros(n_out, dtype=np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


class Network:
    def __init__(self):
        self.layers: list[Any] = [Linear(4, 4), Relu(), Linear(4, 4), Relu(), Linear(4, 3)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


class Embedding:
    def __init__(self):
        self.params = {"table": rng.standard_normal((7, 3))}
        self.grads = {}

    def forward(self, ids):
        self.ids = ids
        return self.params["table"][ids]

    def backward(self, grad):
        self.grads["table"] = np.zeros_like(self.params["table"])
        np.add.at(self.grads["table"], self.ids, grad)


class Recurrent:
    def __init__(self):
        self.params = {"Wx": rng.standard_normal((3, 4)) / 2, "Wh": rng.standard_normal((4, 4)) / 2, "b": np.zeros(4)}
        self.grads = {}

    def forward(self, x):
        p = self.params
        self.x, self.states = x, [np.zeros((x.shape[0], 4))]
        for t in range(x.shape[1]):
            self.states.append(np.tanh(x[:, t] @ p["Wx"] + self.states[-1] @ p["Wh"] + p["b"]))
        return self.states[-1]

    def backward(self, grad):
        p = self.params
        g = {k: np.zeros_like(v) for k, v in p.items()}
        dx = np.zeros_like(self.x)
        for t in reversed(range(self.x.shape[1])):
            da = grad * (1 - self.states[t + 1] ** 2)
            g["Wx"] += self.x[:, t].T @ da
            g["Wh"] += self.states[t].T @ da
            g["b"] += da.sum(axis=0)
            dx[:, t] = da @ p["Wx"].T
            grad = da @ p["Wh"].T
        self.grads = g
        return dx


def network():
    return Network(), rng.standard_normal((5, 4))


def embedding():
    return Embedding(), rng.integers(0, 7, (4, 2))


def recurrent():
    return Recurrent(), rng.standard_normal((3, 4, 3))
