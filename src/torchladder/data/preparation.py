"""Statistics of both sides together that are exact where those of training alone are not: a scaler saw both."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchladder.core.shift_facts import PreparationFact

Moments = dict[str, NDArray[Any]]

EXACT = (2e-5, 1e-6)  # six written digits, or 32 bits, give mean 0 and deviation 1 to within this
CLEAR = 20.0  # times farther from the target is training alone
MOST = 0.9  # share of the columns that fit together
ONE_BY_CHANCE = 3  # columns that must fit when only one figure (the mean) is exact
EXPECTED = 0.3  # of the columns whose extremes the held-out side would have by its share of the samples
FEWEST = 20  # samples of each side


def prepared(train: Moments, held: Moments, names: tuple[str, ...], number: int) -> PreparationFact | None:
    """Return how both sides together were prepared, None when they were not.

    Args:
        train: Moments of each column of the training side: "n", "mean", "squares", "low", "high".
        held: The same of a held-out side.
        names: Of the columns, () for one column of all values.
        number: Place of the held-out side.
    """
    if train["n"].min() < FEWEST or held["n"].min() < FEWEST:
        return None
    n, mean, deviation = _together(train, held)
    own = np.sqrt(train["squares"] / train["n"])
    live = deviation > 0
    low, high = np.minimum(train["low"], held["low"]), np.maximum(train["high"], held["high"])
    if not live.any():
        return None
    unit = _unit(deviation, n)
    off_joint = np.maximum(np.abs(mean), unit)
    off_train = np.maximum(np.abs(train["mean"]), _unit(own, train["n"]))
    centred_joint = np.abs(mean) / np.where(live, deviation, 1)
    centred_train = np.abs(train["mean"]) / np.where(live, deviation, 1)
    readings = (
        ("standardised", off_joint, off_train, 1),
        ("centred", centred_joint, centred_train, ONE_BY_CHANCE),
        ("scaled to a range", *_range(low, high, train), ONE_BY_CHANCE),
    )
    share = float((held["n"] / n).max())
    for (how, joint, alone, fewest), exact in product(readings, EXACT):
        fits = live & (joint <= exact)
        off = fits & (alone > CLEAR * exact)
        told = off.sum() >= MOST * fits.sum()
        if how == "scaled to a range":  # extremes are held out by their share of the samples, clipped values seldom
            told = off.sum() >= max(2.0, EXPECTED * (1 - (1 - share) ** 2) * fits.sum())
        if fits.sum() >= max(fewest, MOST * live.sum()) and told:
            return PreparationFact(
                held=number,
                how=how,
                columns=int(fits.sum()),
                judged=int(live.sum()),
                joint=float(joint[fits].max()),
                alone=float(np.median(alone[off])),
                n=int(n.max()),
                names=tuple(names[j] for j in np.flatnonzero(off)[:3]) if names else (),
            )
    return None


def _together(a: Moments, b: Moments) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    n = a["n"] + b["n"]
    off = b["mean"] - a["mean"]
    mean = a["mean"] + off * b["n"] / n
    squares = a["squares"] + b["squares"] + off**2 * a["n"] * b["n"] / n
    return n, mean, np.sqrt(squares / n)


def _unit(deviation: NDArray[Any], n: NDArray[Any]) -> NDArray[Any]:
    """Return the distance of a deviation from 1, however the degrees of freedom are counted."""
    corrected = deviation * np.sqrt(n / np.maximum(n - 1, 1))
    return np.asarray(np.minimum(np.abs(deviation - 1), np.abs(corrected - 1)))


def _range(low: NDArray[Any], high: NDArray[Any], train: Moments) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how far the range is from [0, 1] or [-1, 1], together and of training alone."""
    floor = -1.0 if np.median(low) < -0.5 else 0.0  # noqa: PLR2004 - the nearer of the two
    joint = np.maximum(np.abs(low - floor), np.abs(high - 1))
    return joint, np.maximum(np.abs(train["low"] - floor), np.abs(train["high"] - 1))
