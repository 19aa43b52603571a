"""Everything that is said of a classifier's mistakes, from its predictions and what is known of the samples."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from torchladder.mistakes.bucket import wilson
from torchladder.mistakes.calibration import Calibration, calibrate
from torchladder.mistakes.figures import confusions, figures
from torchladder.mistakes.interventions import intervention
from torchladder.mistakes.joined import join
from torchladder.mistakes.look import Joined
from torchladder.mistakes.predictions import Predictions
from torchladder.mistakes.rank import Ranked, halves_of, ranked
from torchladder.mistakes.sample import draw
from torchladder.mistakes.threshold import Threshold, threshold_of

REFERRED = 0.1  # share of the answers, the least sure ones, that a person might take over


@dataclass(frozen=True)
class Analysis:
    """What is said; ``looked`` is how many buckets were tried, ``sample`` the mistakes to look at by hand."""

    predictions: Predictions
    joined: Joined
    figures: dict[str, Any]
    confusions: list[dict[str, Any]]
    calibration: Calibration | None
    threshold: Threshold | None
    buckets: list[Ranked]
    looked: int
    sample: tuple[int, ...]
    seed: int

    @property
    def counting(self) -> list[Ranked]:
        """Return the buckets that are more than chance, the largest first."""
        return [r for r in self.buckets if r.counts]


def analyse(p: Predictions, *, data: str | None, folder: Path, seed: int, sample: int) -> Analysis:
    """Return the analysis of predictions.

    Args:
        p: The predictions.
        data: The data set they were made from, None if it was not named.
        folder: Of the predictions.
        seed: Of halves and of the sample.
        sample: Mistakes to draw.

    Raises:
        UsageError: If the data does not belong to the predictions.
    """
    joined = join(p, data, folder)
    halves = halves_of(p.truth, np.random.default_rng([seed, 0]))
    calibration = None
    if p.confidence is not None:
        calibration = calibrate(p.proba, p.confidence, p.truth, p.guess, halves)
    threshold = threshold_of(p, halves)
    buckets, looked = ranked(p, joined, threshold, np.random.default_rng([seed, 1]))
    counting = [r.bucket for r in buckets if r.counts]
    drawn = draw(p.wrong, p.truth * len(p.classes) + p.guess, counting, sample, np.random.default_rng([seed, 2]))
    return Analysis(p, joined, figures(p), confusions(p), calibration, threshold, buckets, looked, drawn, seed)


def bucket_json(row: Ranked, n: int, mistakes: int) -> dict[str, Any]:
    """Return a bucket as JSON holds it."""
    b = row.bucket
    members, outside = int(b.members.sum()), n - int(b.members.sum())
    elsewhere = mistakes - b.count
    solved = b.repaired if b.repaired is not None else float(b.count)
    rates = None
    if b.rated:
        rates = {
            "samples": members,
            "inside": b.count / max(members, 1),
            "inside_interval": list(wilson(b.count, members)),
            "outside": elsewhere / outside if outside else None,
            "outside_interval": list(wilson(elsewhere, outside)) if outside else None,
        }
    low, high = wilson(b.count, n)
    return {
        "kind": b.kind,
        "name": b.name,
        "count": b.count,
        "share_of_mistakes": b.count / max(mistakes, 1),
        "gives_back": solved / n,
        "gives_back_interval": [low, high] if b.repaired is None else None,
        "expected": b.expected,
        "expected_from": b.base,
        "beyond": b.beyond / n,
        "p": b.p,
        "p_corrected": row.corrected,
        "counts": row.counts,
        "rates": rates,
        "within": [{"name": name, "share": share} for name, share in row.within],
        "yields_to": list(row.yields_to),
        "intervention": intervention(b),
        **({"details": b.extra} if b.extra else {}),
    }


def referred(p: Predictions) -> dict[str, float] | None:
    """Return what a person would take off who answers the least sure tenth."""
    if p.confidence is None or not p.wrong.any():
        return None
    count = max(1, round(REFERRED * len(p)))
    least = np.argsort(p.confidence, kind="stable")[:count]
    caught = int(p.wrong[least].sum())
    return {
        "share": count / len(p),
        "mistakes_among_them": caught / int(p.wrong.sum()),
        "accuracy_of_the_rest": 1 - (int(p.wrong.sum()) - caught) / max(len(p) - count, 1),
    }


def whole(found: Analysis) -> dict[str, Any]:
    """Return everything, as JSON holds it."""
    p, c, t = found.predictions, found.calibration, found.threshold
    n, mistakes = len(p), int(p.wrong.sum())
    calibration = None
    if c is not None:
        calibration = {
            "ece": c.ece,
            "temperature": c.temperature,
            "nll": c.before,
            "nll_with_temperature": c.after,
            "ece_with_temperature": c.ece_after,
            "bins": [{"count": b.count, "confidence": b.confidence, "accuracy": b.accuracy} for b in c.bins],
        }
    threshold = None
    if t is not None:
        net = int(t.gained.sum()) - int(t.lost.sum())
        threshold = {
            "value": t.value,
            "offsets": dict(zip(p.classes, t.offsets, strict=True)) if t.offsets is not None else None,
            "accuracy_gain": net / n,
            "f1": list(t.f1) if t.f1 is not None else None,
            "f1_value": t.f1_value,
        }
    return {
        **found.figures,
        "confusions": found.confusions,
        "calibration": calibration,
        "threshold": threshold,
        "referred": referred(p),
        "buckets": [bucket_json(r, n, mistakes) for r in found.buckets],
        "buckets_looked_at": found.looked,
        "sample": [p.ids[i] for i in found.sample],
        "seed": found.seed,
        "read_as": [*p.told, *found.joined.told],
    }
