"""Labels that are probably wrong, by confident learning on the given scores, beyond what doubt alone would flag.

After Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, 2021. Confident
learning flags hard samples of clean labels, too. How many is found by drawing labels from the calibrated scores
themselves and flagging those in the same way.
"""

import numpy as np
from scipy.stats import norm

from torchladder.data.label_noise import joint
from torchladder.mistakes.bucket import Bucket
from torchladder.mistakes.predictions import Floats, Ints, Mask, Predictions
from torchladder.mistakes.scores import logs, softmax

DRAWS = 12
HALF = 0.5
CELLS_MAX = 4_000_000  # scores drawn from at once
FEWEST = 50  # predictions that tell anything about labels
BASE = "labels drawn from the calibrated scores, flagged in the same way"


def label_bucket(p: Predictions, temperature: float, noise: float, rng: np.random.Generator) -> Bucket | None:
    """Return the bucket of probable label errors, None where scores cannot tell.

    Args:
        p: The predictions.
        temperature: Of the scores.
        noise: Share of labels drawn at random, as far as the scores tell.
        rng: What draws labels.
    """
    if p.proba is None or len(p) < FEWEST:
        return None
    scaled = softmax(logs(p.proba) / temperature)
    flagged = _flags(scaled, p.truth, noise) & p.wrong
    draws = DRAWS if scaled.size <= CELLS_MAX else 3
    null = []
    for _ in range(draws):
        drawn = _drawn(scaled, rng)
        null.append(int((_flags(scaled, drawn, noise) & (p.guess != drawn)).sum()))
    mean = float(np.mean(null))
    spread = max(float(np.sqrt(mean)), float(np.std(null)), 1.0)
    chance = float(norm.sf((flagged.sum() - 0.5 - mean) / spread))
    extra = {"estimated_share": noise, "temperature": temperature, "suggested": _suggested(p, scaled, flagged)}
    everyone = np.ones(len(p), dtype=bool)
    return Bucket(
        "label", "labels that are probably wrong", flagged, everyone, mean, chance, BASE, rated=False, extra=extra
    )


def _flags(scaled: Floats, labels: Ints, noise: float) -> Mask:
    """Return labels that confident learning contradicts and that are likelier to be noise than to be meant."""
    _, confident = joint(labels, scaled)
    own = (1 - noise) * scaled[np.arange(len(labels)), labels]
    by_noise = noise / scaled.shape[1]
    return np.asarray((confident >= 0) & (confident != labels) & (by_noise / (by_noise + own + 1e-300) >= HALF))


def _drawn(proba: Floats, rng: np.random.Generator) -> Ints:
    """Return labels drawn from probabilities."""
    edges = proba.cumsum(axis=1)
    return np.asarray((rng.random((len(proba), 1)) * edges[:, -1:] > edges).sum(axis=1).clip(max=proba.shape[1] - 1))


def _suggested(p: Predictions, scaled: Floats, flagged: Mask) -> list[dict[str, object]]:
    """Return the surest label errors."""
    rows = np.flatnonzero(flagged)
    own = scaled[rows, p.truth[rows]]
    order = rows[np.argsort(own - scaled[rows, p.guess[rows]], kind="stable")][:10]
    return [
        {
            "id": p.ids[i],
            "label": p.classes[p.truth[i]],
            "suggested": p.classes[p.guess[i]],
            "probability": float(scaled[i, p.guess[i]]),
        }
        for i in order
    ]
