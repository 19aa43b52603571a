"""Model definitions for the instrument tagger."""
import torch
from torch import nn


class SpectralBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, 5, padding=2)
        self.norm = nn.BatchNorm1d(cout)
        self.pool = nn.MaxPool1d(2)

    def forward(self, x):
        return self.pool(torch.relu(self.norm(self.conv(x))))


class InstrumentTagger(nn.Module):
    """Spectrum (B, 1, bins) -> one activation per instrument, each in [0, 1]."""

    def __init__(self, n_tags, width=16):
        super().__init__()
        self.encoder = nn.Sequential(SpectralBlock(1, width), SpectralBlock(width, 2 * width), SpectralBlock(2 * width, 2 * width))
        self.classifier = nn.Linear(2 * width * 8, n_tags)

    def forward(self, spectrum):
        h = self.encoder(spectrum).flatten(1)
        return self.classifier(h).sigmoid()
