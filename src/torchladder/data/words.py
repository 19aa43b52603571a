"""Texts as numbers: which words and short runs of letters occur, hashed into columns, and the main ways they differ."""

import re
import zlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

BUCKETS = 4096  # for words, and an eighth as many for runs of letters
MAIN = 100  # ways of differing that are kept (latent semantic analysis)
RUN = 3  # letters
RUNS = 800  # characters from whose beginning runs are taken
WORD = re.compile(r"[^\W_]+", re.UNICODE)
TRAITS = ("characters", "words", "share of digits", "share of capitals", "share of non-letters")


def bag_of_words(texts: list[str]) -> NDArray[np.float32]:
    """Return the roots of the shares of hashed words and runs of letters, (N, 4608)."""
    letters = BUCKETS // 8
    out = np.zeros((len(texts), BUCKETS + letters), dtype=np.float32)
    known: dict[str, int] = {}
    for i, text in enumerate(texts):
        lower = text.lower()
        words = Counter(WORD.findall(lower))
        total = max(sum(words.values()), 1)
        for word, n in words.items():
            out[i, _bucket(word, known) % BUCKETS] += n / total
        runs = Counter(lower[j : j + RUN] for j in range(0, max(min(len(lower), RUNS) - RUN + 1, 1), 2))
        total = max(sum(runs.values()), 1)
        for run, n in runs.items():
            out[i, BUCKETS + _bucket(run, known) % letters] += n / total
    return np.sqrt(out)


def main_differences(texts: list[str]) -> NDArray[np.float32]:
    """Return where each text lies along the main ways in which these differ, rare words counted more; (N, 100)."""
    from sklearn.utils.extmath import randomized_svd

    bags = bag_of_words(texts)
    bags *= np.log((1 + len(texts)) / (1 + (bags > 0).sum(axis=0)), dtype=np.float32)
    bags /= np.maximum(np.linalg.norm(bags, axis=1, keepdims=True), np.float32(1e-6))
    bags -= bags.mean(axis=0)
    u, s, _ = randomized_svd(bags, min(MAIN, *bags.shape), n_iter=2, random_state=0)
    return np.asarray(u * s, dtype=np.float32)


def _bucket(word: str, known: dict[str, int]) -> int:
    found = known.get(word)
    if found is None:
        found = known[word] = zlib.crc32(word.encode(errors="surrogatepass"))
    return found


def traits_of(texts: list[str]) -> NDArray[np.float64]:
    """Return ``TRAITS`` of each text."""
    rows = []
    for text in texts:
        n = max(len(text), 1)
        rows.append((
            len(text),
            len(text.split()),
            sum(c.isdigit() for c in text) / n,
            sum(c.isupper() for c in text) / n,
            sum(not c.isalpha() for c in text) / n,
        ))  # fmt: skip
    return np.array(rows, dtype=float).reshape(-1, len(TRAITS))


def common_words(texts: list[str], most: int = 300) -> list[str]:
    """Return the words that most texts have, the most frequent first, those of one frequency in their order."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(WORD.findall(text.lower())))
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [word for word, n in ordered[:most] if n > 1]


def having(texts: list[str], words: list[str]) -> NDArray[np.bool_]:
    """Return which texts (N) have which words (W)."""
    rows = [set(WORD.findall(t.lower())) for t in texts]
    return np.array([[w in row for w in words] for row in rows], dtype=bool).reshape(len(texts), len(words))
