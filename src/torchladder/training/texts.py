"""Texts for a model: words by their number in the training side's vocabulary, cut to a length."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from torchladder.sets.block import Array
from torchladder.training.samples import Samples

PAD, UNKNOWN, FIRST = 0, 1, 2
WORD = re.compile(r"\w+|[^\w\s]", re.UNICODE)


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text, in small letters."""
    return WORD.findall(text.lower())


def vocabulary(texts: Sequence[str], size: int) -> dict[str, int]:
    """Return the numbers of the most frequent words, alike ones in alphabetical order."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: size - FIRST]
    return {word: i + FIRST for i, (word, _) in enumerate(ranked)}


def numbered(texts: Sequence[str], known: dict[str, int], length: int) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Return (n, length) numbers of words, and how many words each text has; an empty text is one unknown word."""
    ids = np.zeros((len(texts), length), dtype=np.int64)
    lengths = np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        words = [known.get(w, UNKNOWN) for w in words_of(text)[:length]] or [UNKNOWN]
        ids[i, : len(words)] = words
        lengths[i] = len(words)
    return torch.from_numpy(ids), lengths


class Texts(Samples):
    """Texts of one side; a batch is as long as its longest text."""

    def __init__(self, ids: torch.Tensor, lengths: NDArray[np.int64], y: Array, names: Sequence[str]) -> None:
        super().__init__(y, names)
        self.ids, self.lengths = ids, lengths

    def inputs(self, index: NDArray[np.int64], epoch: int) -> torch.Tensor:
        """Return the numbers of the words."""
        del epoch
        longest = int(self.lengths[index].max())
        return self.ids[torch.from_numpy(index), :longest]
