"""Texts as numbers: which words and which short runs of letters occur, hashed into a fixed number of columns."""

import re
import zlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

BUCKETS = 512  # for words, and half as many for runs of letters
RUN = 3  # letters
RUNS = 800  # characters from whose beginning runs are taken
WORD = re.compile(r"[^\W_]+", re.UNICODE)
TRAITS = ("characters", "words", "share of digits", "share of capitals", "share of non-letters")


def bag_of_words(texts: list[str]) -> NDArray[np.float32]:
    """Return the roots of the shares of hashed words and runs of letters, (N, 768)."""
    letters = BUCKETS // 2
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
    """Return the words that most texts have, the most frequent first."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(WORD.findall(text.lower())))
    return [word for word, n in found.most_common(most) if n > 1]


def having(texts: list[str], words: list[str]) -> NDArray[np.bool_]:
    """Return which texts (N) have which words (W)."""
    rows = [set(WORD.findall(t.lower())) for t in texts]
    return np.array([[w in row for w in words] for row in rows], dtype=bool).reshape(len(texts), len(words))
