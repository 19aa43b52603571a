"""Predictions that tests analyse: of drawn scores, and of a real model on the digits that scikit-learn ships."""

from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from torchladder.mistakes.analysis import Analysis, analyse
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.predictions import Predictions
from torchladder.mistakes.reading import located, read


def drawn(n: int = 2000, k: int = 4, margin: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated logits (n, k) and the classes drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * margin
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return logits, (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)


def predictions(logits: np.ndarray, y: np.ndarray, folder: Path, **more: np.ndarray) -> Predictions:
    """Return predictions as they are read back from a file."""
    np.savez(folder / "predictions.npz", output=logits, target=y, **more)
    return read(located(str(folder)), Asked())


def analysed(p: Predictions, folder: Path, data: dict[str, np.ndarray] | None = None, seed: int = 0) -> Analysis:
    """Return the analysis of predictions with their data."""
    name = None
    if data is not None:
        np.savez(folder / "data.npz", **data)
        name = str(folder / "data.npz")
    return analyse(p, data=name, folder=folder, seed=seed, sample=50)


@cache
def digits(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return pictures of 16 x 16 bytes and classes to train on, and those to test on."""
    x, y = load_digits(return_X_y=True)
    pictures = np.kron(x.reshape(-1, 8, 8) * 15, np.ones((1, 2, 2))).astype(np.uint8)
    order = np.random.default_rng(seed).permutation(len(y))
    half = len(y) // 2
    return pictures[order[:half]], y[order[:half]], pictures[order[half:]], y[order[half:]].astype(np.int64)


@cache
def model(left: int | None = None, kept: int = 0) -> LogisticRegression:
    """Return a classifier of digits, trained on few samples of one of them if asked."""
    x, y, _, _ = digits()
    rows = np.arange(len(y))
    if left is not None:
        rows = np.concatenate([rows[y != left], rows[y == left][:kept]])
    return LogisticRegression(max_iter=200, C=0.05).fit(x[rows].reshape(len(rows), -1) / 255, y[rows])


def logits_of(net: LogisticRegression, pictures: np.ndarray) -> np.ndarray:
    """Return what a classifier says of pictures."""
    return np.asarray(net.decision_function(pictures.reshape(len(pictures), -1) / 255))


def blurred(pictures: np.ndarray, some: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """Return pictures of which some are blurred."""
    out = pictures.copy()
    out[some] = np.stack([gaussian_filter(p.astype(float), sigma) for p in pictures[some]]).round().astype(np.uint8)
    return out
