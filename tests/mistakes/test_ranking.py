"""Which bucket yields to which: causes before what follows from them."""

import numpy as np
import pytest

from tests.mistakes.made import analysed, drawn, predictions
from torchladder.mistakes.bucket import Bucket
from torchladder.mistakes.label_errors import label_bucket
from torchladder.mistakes.rank import _better

N = 100


def bucket(kind, name, errors, members=None, **more):
    """Return a bucket whose mistakes are the first ``errors`` of N."""
    wrong = np.arange(N) < errors
    return Bucket(kind, name, wrong, wrong if members is None else members, 1.0, 1e-9, "", **more)


SHARP, PALE = bucket("property", "sharpness at most 1", 20), bucket("property", "contrast at most 1", 20)
PAIR, RARE, GROUP = (
    bucket("pair", "a / b confused", 20, rated=False),
    bucket("rare class", "rare", 20),
    bucket("group", "g", 20),
)
LABEL = bucket("label", "labels", 20, rated=False)
OFFSETS = bucket("threshold", "offsets", 20, rated=False, extra={"offsets": {"a": 1.0}})
ONE = bucket("threshold", "one", 20, rated=False, extra={"offsets": None})


@pytest.mark.parametrize(
    ("first", "second", "yields"),
    [
        (bucket("class", "class a", 30), PAIR, True),
        (bucket("class", "class a", 50), PAIR, False),
        (PALE, SHARP, True),
        (SHARP, PALE, False),
        (OFFSETS, RARE, True),
        (ONE, RARE, False),
        (LABEL, GROUP, True),
        (LABEL, PAIR, False),
        (LABEL, bucket("group", "nearly all", 20, np.arange(N) < 80), False),
        (GROUP, LABEL, False),
    ],
)
def test_what_yields_to_what(first, second, yields):
    """One bucket yields to another with the same mistakes, and not the other way round."""
    assert bool(_better(first, [second])) is yields


def test_buckets_are_in_order_and_overlaps_are_told(tmp_path):
    """Those that count come first, the largest of them first, and each tells what it shares with those before it."""
    logits, y = drawn(n=3000, k=5)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.15, rng.integers(0, 5, len(y)), y)
    found = analysed(predictions(logits, noisy, tmp_path), tmp_path)
    sizes = [r.bucket.beyond for r in found.counting]

    assert sizes == sorted(sizes, reverse=True)
    assert found.buckets[: len(found.counting)] == found.counting
    for i, row in enumerate(found.counting):
        for name, share in row.within:
            other = next(r.bucket for r in found.counting[:i] if r.bucket.name == name)
            assert share == pytest.approx((other.errors & row.bucket.errors).sum() / row.bucket.count)


def test_doubt_alone_is_expected_to_be_flagged(tmp_path):
    """Labels drawn from the scores, and a share of noise that is not there: as many are flagged as are expected."""
    logits, y = drawn(n=4000, k=6, margin=1.0)
    p = predictions(logits, y, tmp_path)
    found = label_bucket(p, temperature=1.0, noise=0.3, rng=np.random.default_rng(0))

    assert found.count > 50
    assert found.expected == pytest.approx(found.count, rel=0.25)
    assert found.p > 0.01


def test_the_same_seed_gives_the_same(tmp_path):
    """Twice the same analysis, sample and buckets."""
    logits, y = drawn(n=800)
    first, second = (analysed(predictions(logits, y, tmp_path), tmp_path, seed=3) for _ in range(2))

    assert first.sample == second.sample
    assert [(r.bucket.name, r.bucket.p) for r in first.buckets] == [(r.bucket.name, r.bucket.p) for r in second.buckets]


@pytest.mark.parametrize("case", ["all right", "all wrong", "one class", "one row", "two rows"])
def test_the_edges(tmp_path, case):
    """Nothing to find is no failure."""
    n = {"one row": 1, "two rows": 2}.get(case, 60)
    y = np.zeros(n, dtype=int) if case == "one class" else np.arange(n) % 3
    guess = (y + 1) % 3 if case == "all wrong" else y
    found = analysed(predictions(np.eye(3)[guess] * 4.0, y, tmp_path), tmp_path)

    assert found.figures["mistakes"] == (n if case == "all wrong" else 0)
