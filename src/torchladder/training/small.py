"""Models that need no other package: a perceptron, a small convolutional network, two readers of texts.

Each ends in ``head``, its classifier.
"""

from itertools import pairwise

import torch
from torch import nn

from torchladder.training.texts import PAD

HEADS = 4
GROWTH = 2  # channels double where the picture halves


class Perceptron(nn.Module):
    """Hidden layers with ReLU over flat inputs."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Dropout(dropout))
        self.head = nn.Linear(sizes[-1], outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one output each."""
        out: torch.Tensor = self.head(self.body(x))
        return out


class SmallCnn(nn.Module):
    """Stages of convolution, normalisation, ReLU and pooling; then the mean over the picture."""

    def __init__(self, channels: int, outputs: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        before = channels
        for stage in range(depth):
            after = width // GROWTH * GROWTH**stage
            stages.append(nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ))  # fmt: skip
            before = after
        self.body = nn.Sequential(*stages)
        self.last = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(4 * before, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one output each."""
        out: torch.Tensor = self.head(self.last(self.body(x)))
        return out


class TextBag(nn.Module):
    """The mean of what the words mean, whatever their order."""

    def __init__(self, words: int, outputs: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(words, width, mode="mean", padding_idx=PAD)
        layers: list[nn.Module] = []
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Dropout(dropout))
        self.head = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one output each."""
        out: torch.Tensor = self.head(self.body(self.words(x)))
        return out


class TextTransformer(nn.Module):
    """An encoder over words and their places; the mean over the words is classified."""

    def __init__(self, words: int, outputs: int, width: int, depth: int, dropout: float, *, length: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=PAD)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, HEADS, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return one output each."""
        blank = x == PAD
        h = self.body(self.words(x) + self.places[: x.shape[1]], src_key_padding_mask=blank)
        there = (~blank).unsqueeze(-1).to(h.dtype)
        mean = (self.norm(h) * there).sum(1) / there.sum(1)
        out: torch.Tensor = self.head(mean)
        return out
