"""All buckets, by the accuracy each gives back beyond what would be there anyway, and what they share."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from torchladder.mistakes.bucket import Bucket, at_least, holm
from torchladder.mistakes.calibration import noisy_temperature
from torchladder.mistakes.copies import contradicted
from torchladder.mistakes.figures import pairs_of
from torchladder.mistakes.label_errors import label_bucket
from torchladder.mistakes.look import Joined
from torchladder.mistakes.predictions import Floats, Ints, Predictions
from torchladder.mistakes.regions import groups, region, tails
from torchladder.mistakes.scores import logs, softmax
from torchladder.mistakes.threshold import Threshold, threshold_bucket

FEWEST = 5  # mistakes of a bucket
CHANCE = 0.05  # corrected p-value up to which a bucket is one
RARE = 0.25  # of the median class, in samples, below which a class is rare
PAIRS = 30
SURE = 0.9  # probability of an answer from which it is sure
TWO = 2
MOSTLY = 0.5
PALE, BLURRED = "contrast at most", "sharpness at most"
GENERAL = ("class", "confidence")  # kinds that yield to a more telling bucket of the same mistakes
TELLING = ("pair", "rare class", "threshold", "label", "copies", "property", "group", "length")


@dataclass(frozen=True)
class Ranked:
    """A bucket with its place.

    Attributes:
        corrected: Its p-value, corrected for all buckets that were looked at.
        within: For each bucket before it that shares mistakes: its name, and the share of this one's mistakes.
        yields_to: Names of more telling buckets that hold at least half of its mistakes.
    """

    bucket: Bucket
    corrected: float
    within: tuple[tuple[str, float], ...] = ()
    yields_to: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Return whether it is more than chance and more than what another says better."""
        b = self.bucket
        return self.corrected <= CHANCE and b.beyond > 0 and b.count >= FEWEST and not self.yields_to


def ranked(
    p: Predictions, joined: Joined, threshold: Threshold | None, rng: np.random.Generator
) -> tuple[list[Ranked], int]:
    """Return every bucket that was looked at, those that count first, the largest of them first; and how many."""
    found, looked = [], 0
    for buckets, number in _all(p, joined, threshold, rng):
        found += [b for b in buckets if b.count]
        looked += number
    if not found:
        return [], looked
    corrected = holm([b.p for b in found] + [1.0] * (looked - len(found)))[: len(found)]
    rows = [Ranked(b, c) for b, c in zip(found, corrected, strict=True)]
    telling = [r.bucket for r in rows if r.bucket.kind in TELLING and r.counts]
    rows = [Ranked(r.bucket, r.corrected, yields_to=_better(r.bucket, telling)) for r in rows]
    rows.sort(key=lambda r: (not r.counts, -r.bucket.beyond, r.bucket.name))
    return [_overlapping(r, [q.bucket for q in rows[:i] if q.counts]) for i, r in enumerate(rows)], looked


def _better(bucket: Bucket, telling: list[Bucket]) -> tuple[str, ...]:
    """Return the buckets that say more about at least half of a bucket's mistakes.

    A class, or sureness, says less than any cause within it. The others follow from a cause of their own:

    - Blur takes contrast away, while contrast does not change the sharpness that is measured here.
    - Of a class that is rare in training the scores are too low; offsets to them repair a part of that.
    - Sure answers against the label that gather among few samples come from what these share, not from the labels.
    """
    if bucket.kind in GENERAL:
        return _together(bucket, telling)
    if bucket.name.startswith(PALE):
        causes = [t for t in telling if t.name.startswith(BLURRED)]
    elif bucket.kind == "threshold" and bucket.extra is not None and bucket.extra["offsets"]:
        causes = [t for t in telling if t.kind == "rare class"]
    elif bucket.kind == "label":
        causes = [t for t in telling if t.rated and t.members.mean() < MOSTLY]
    else:
        return ()
    shares = [(int((t.errors & bucket.errors).sum()), t.name) for t in causes]
    return tuple(name for count, name in sorted(shares, reverse=True) if count >= MOSTLY * max(bucket.count, 1))


def _together(bucket: Bucket, telling: list[Bucket]) -> tuple[str, ...]:
    """Return the buckets that hold at least half of one's mistakes together, nothing if all do not."""
    covered, names = np.zeros_like(bucket.errors), []
    for t in sorted(telling, key=lambda t: -int((t.errors & bucket.errors).sum())):
        if not (t.errors & bucket.errors & ~covered).any():
            continue
        covered |= t.errors
        names.append(t.name)
        if (covered & bucket.errors).sum() >= MOSTLY * bucket.count:
            return tuple(names)
    return ()


def _overlapping(row: Ranked, before: list[Bucket]) -> Ranked:
    count = max(row.bucket.count, 1)
    shared = [(b.name, float((row.bucket.errors & b.errors).sum()) / count) for b in before]
    return Ranked(row.bucket, row.corrected, tuple(s for s in shared if s[1] > 0), row.yields_to)


def _all(
    p: Predictions, joined: Joined, threshold: Threshold | None, rng: np.random.Generator
) -> Iterator[tuple[list[Bucket], int]]:
    """Yield buckets, and how many were looked at for them."""
    wrong, truth = p.wrong, p.truth
    for buckets in (_pairs(p), _classes(p), _rare(p, joined)):
        yield buckets, len(buckets)
    temperature, noise = noisy_temperature(p.proba, truth) if p.proba is not None else (1.0, 0.0)
    label = label_bucket(p, temperature, noise, rng)
    if label is not None:
        yield [label], 1
    if threshold is not None:
        yield [threshold_bucket(p, threshold)], 1
    sure = _sure(p, temperature)
    if sure is not None:
        yield [sure], 1
    if p.groups is not None:
        of = groups("group", "group", p.groups, wrong, truth)
        yield of, len(of)
    yield from _columns(p, joined)
    for name, values in joined.traits.items():
        yield tails("property", name, " px" if name == "pixels" else "", values, wrong, truth)
    if joined.texts is not None:
        words = np.array([len(t.split()) for t in joined.texts], dtype=float)
        yield tails("length", "length", " words", words, wrong, truth)
    copies = contradicted(joined, truth)
    if copies is not None and copies.any():
        yield [region("copies", "copies that carry different labels", copies, wrong, None)], 1


def _columns(p: Predictions, joined: Joined) -> Iterator[tuple[list[Bucket], int]]:
    for name, values in {**joined.columns, **p.columns}.items():
        numbers = values.dtype.kind in "fiu"
        if numbers and len(np.unique(values)) > 2 * TWO * TWO:
            yield tails("property", name, "", values.astype(float), p.wrong, p.truth)
        else:
            of = groups("property", name, values, p.wrong, p.truth)
            yield of, len(of)


def _pairs(p: Predictions) -> list[Bucket]:
    """Return confused pairs; expected is that the mistakes of both classes spread evenly over all others."""
    k, lost = len(p.classes), np.bincount(p.truth[p.wrong], minlength=len(p.classes))
    if k <= TWO:
        return []
    found = []
    for pair in pairs_of(p.truth, p.guess, k)[:PAIRS]:
        a, b = pair.first, pair.second
        members = (p.truth == a) | (p.truth == b)
        errors = ((p.truth == a) & (p.guess == b)) | ((p.truth == b) & (p.guess == a))
        both = int(lost[a] + lost[b])
        name = f"{p.classes[a]} / {p.classes[b]} confused"
        extra = {"pair": [p.classes[a], p.classes[b]], "forth": pair.forth, "back": pair.back}
        chance = at_least(pair.count, both, 1 / (k - 1))
        base = "the mistakes of both classes, spread evenly over all others"
        found.append(Bucket("pair", name, errors, members, both / (k - 1), chance, base, rated=False, extra=extra))
    return found


def _classes(p: Predictions) -> list[Bucket]:
    present = np.unique(p.truth).tolist()
    if len(present) < TWO:
        return []
    return [region("class", f"class {p.classes[c]}", p.truth == c, p.wrong, None) for c in present]


def _rare(p: Predictions, joined: Joined) -> list[Bucket]:
    """Return the bucket of classes of which there are far fewer samples than of the others."""
    where = "in training" if joined.train is not None else "in this data"
    if joined.train is not None:
        counts = np.array([joined.train[c] for c in p.classes])
    else:
        counts = np.bincount(p.truth, minlength=len(p.classes))
    present = counts[counts > 0]
    if len(present) < TWO:
        return []
    usual = float(np.median(present)) if len(present) > TWO else float(present.max())
    rare = np.flatnonzero((counts < RARE * usual) & (counts > 0))
    members = np.isin(p.truth, rare)
    if not members.any():
        return []
    shown = ", ".join(p.classes[c] for c in rare[:3]) + (" ..." if len(rare) > 3 else "")  # noqa: PLR2004
    most = int(counts[rare].max())
    name = f"rare class {shown} ({most:,} samples {where} where others have {usual:,.0f})"
    return [region("rare class", name, members, p.wrong, None)]


def _sure(p: Predictions, temperature: float) -> Bucket | None:
    """Return the mistakes among sure answers beyond those that their probability owns up to."""
    if p.confidence is None:
        return None
    confidence: Floats = p.confidence
    if p.proba is not None:
        confidence = softmax(logs(p.proba) / temperature)[np.arange(len(p)), p.guess]
    members = p.confidence >= SURE
    if not members.any():
        return None
    doubt = 1 - confidence[members]
    errors = members & p.wrong
    spread = float(np.sqrt(max((doubt * (1 - doubt)).sum(), 1e-9)))
    chance = float(norm.sf((errors.sum() - 0.5 - doubt.sum()) / max(spread, 1.0)))
    name = f"sure and wrong (probability at least {SURE})"
    return Bucket("confidence", name, errors, members, float(doubt.sum()), chance, "the calibrated doubt in them")


def halves_of(truth: Ints, rng: np.random.Generator) -> Ints:
    """Return a half, 0 or 1, for each sample, every class in both alike."""
    order = rng.permutation(len(truth))
    order = order[np.argsort(truth[order], kind="stable")]
    halves = np.empty(len(truth), dtype=np.int64)
    halves[order] = np.arange(len(truth)) % TWO
    return halves
