"""Right backward passes as pairs of functions, and losses that return their gradient."""

import numpy as np

rng = np.random.default_rng(1)


def conv_forward(x, w, b):
    n, _, h, wide = x.shape
    f, _, k, _ = w.shape
    out = np.zeros((n, f, h - k + 1, wide - k + 1))
    for i in range(h - k + 1):
        for j in range(wide - k + 1):
            out[:, :, i, j] = np.tensordot(x[:, :, i : i + k, j : j + k], w, ([1, 2, 3], [1, 2, 3])) + b
    return out, (x, w)


def conv_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    k = w.shape[2]
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            d = dout[:, :, i, j]
            dw += np.tensordot(d, x[:, :, i : i + k, j : j + k], ([0], [0]))
            dx[:, :, i : i + k, j : j + k] += np.tensordot(d, w, ([1], [0]))
    return dx, dw, dout.sum(axis=(0, 2, 3))


def pool_forward(x):
    n, c, h, w = x.shape
    tiles = x.reshape(n, c, h // 2, 2, w // 2, 2)
    out = tiles.max(axis=(3, 5))
    return out, (tiles, out)


def pool_backward(dout, cache):
    tiles, out = cache
    chosen = tiles == out[:, :, :, None, :, None]
    dx = chosen * dout[:, :, :, None, :, None]
    n, c, h, _, w, _ = tiles.shape
    return dx.reshape(n, c, 2 * h, 2 * w)


def norm_forward(x, gamma, beta):
    mean, var = x.mean(axis=0), x.var(axis=0)
    normed = (x - mean) / np.sqrt(var + 1e-5)
    return gamma * normed + beta, (normed, gamma, var)


def norm_backward(dout, cache):
    normed, gamma, var = cache
    d = dout * gamma
    dx = (d - d.mean(axis=0) - normed * (d * normed).mean(axis=0)) / np.sqrt(var + 1e-5)
    return dx, (dout * normed).sum(axis=0), dout.sum(axis=0)


def softmax_loss(params, x, y):
    h = np.maximum(0, x @ params["W1"] + params["b1"])
    z = h @ params["W2"] + params["b2"]
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    value = -np.log(p[np.arange(len(y)), y]).mean() + 0.1 * (params["W1"] ** 2).sum()
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    dh = d @ params["W2"].T * (h > 0)
    grads = {"W2": h.T @ d, "b2": d.sum(axis=0), "b1": dh.sum(axis=0)}
    grads["W1"] = x.T @ dh + 0.2 * params["W1"]
    return value, grads


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def conv():
    return (conv_forward, conv_backward), (
        rng.standard_normal((2, 2, 5, 5)),
        rng.standard_normal((3, 2, 3, 3)),
        np.zeros(3),
    )


def pool():
    return (pool_forward, pool_backward), rng.integers(0, 3, (2, 2, 4, 4)).astype(np.float64)


def norm():
    return (norm_forward, norm_backward), (rng.standard_normal((6, 4)), np.ones(4), np.zeros(4))


def softmax():
    params = {
        "W1": rng.standard_normal((4, 5)),
        "b1": np.zeros(5),
        "W2": rng.standard_normal((5, 3)),
        "b2": np.zeros(3),
    }
    return softmax_loss, (params, rng.standard_normal((6, 4)), rng.integers(0, 3, 6))


def valley():
    return (rosenbrock, rosenbrock_gradient), rng.standard_normal(8)
