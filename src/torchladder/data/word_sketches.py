"""Texts as short lists of numbers that agree as often as the texts have phrases in common (one-permutation MinHash).

All texts of a block are worked on as one string of bytes, without a loop over words: a word's number is a sum of its
bytes times powers, taken as the difference of two running sums.
"""

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from torchladder.data.bands import mixed

BINS = 64  # numbers kept of a text; the share of equal ones errs by 0.06 at most
PHRASE = 3  # words of a phrase
WORDS_MIN = 10  # shorter texts are alike by nature
EMPTY = np.uint32(0xFFFFFFFF)  # a bin without any phrase
PRIME = np.uint64(0x100000001B3)
NOT_A_WORD = re.compile(r"[\W_]+")
PIECE = 1 << 22  # characters worked on together

Sketches = NDArray[np.uint32]


def normalised(text: str) -> str:
    """Return a text in small letters, its words apart by one space, without anything else."""
    return NOT_A_WORD.sub(" ", text.lower()).strip()


def sketch_texts(texts: list[str]) -> tuple[Sketches, NDArray[np.int64]]:
    """Return (N, ``BINS``) sketches of normalised texts, and how many words each has."""
    sketches = np.full((len(texts), BINS), EMPTY, dtype=np.uint32)
    words = np.zeros(len(texts), dtype=np.int64)
    start = 0
    while start < len(texts):
        stop, size = start, 0
        while stop < len(texts) and (stop == start or size + len(texts[stop]) < PIECE):
            size += len(texts[stop])
            stop += 1
        _sketch(texts[start:stop], sketches[start:stop], words[start:stop])
        start = stop
    return sketches, words


def _sketch(texts: list[str], sketches: Sketches, words: NDArray[np.int64]) -> None:
    numbers, owners = _words(texts)
    words += np.bincount(owners, minlength=len(texts))
    if len(numbers) < PHRASE:
        return
    n = len(numbers) - PHRASE + 1
    phrases = sum((mixed(numbers[i : i + n] + np.uint64(i)) for i in range(PHRASE)), np.zeros(n, dtype=np.uint64))
    within = owners[:n] == owners[PHRASE - 1 :]
    values, texts_of = mixed(phrases[within]), owners[:n][within]
    bins = (values >> np.uint64(58)).astype(np.int64)
    np.minimum.at(sketches, (texts_of, bins), ((values & np.uint64(0xFFFFFFFF)).astype(np.uint32)) >> np.uint32(1))


def _words(texts: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the number of each word, and the text it is in."""
    encoded = [t.encode("utf-8", "replace") for t in texts]
    data = np.frombuffer(b" " + b" ".join(encoded) + b" ", dtype=np.uint8)
    spaces = np.flatnonzero(data == ord(" "))
    long = np.flatnonzero(np.diff(spaces) > 1)
    begin, end = spaces[long] + 1, spaces[long + 1]
    up, down = _powers(1 << len(data).bit_length())
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum((data.astype(np.uint64) + 1) * up[: len(data)])])
    numbers = (sums[end] - sums[begin]) * down[begin]
    edges = np.cumsum([1 + len(e) for e in encoded])
    return numbers, np.searchsorted(edges, begin, side="right")


@cache
def _powers(n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the first powers of a prime and of its inverse, modulo 2^64."""
    inverse = np.uint64(pow(int(PRIME), -1, 1 << 64))
    up, down = np.full(n, PRIME), np.full(n, inverse)
    up[0] = down[0] = 1
    return np.cumprod(up, dtype=np.uint64), np.cumprod(down, dtype=np.uint64)
