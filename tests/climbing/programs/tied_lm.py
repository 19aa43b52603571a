# mypy: ignore-errors
"""A word-level LSTM whose output layer is its embedding."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
text = "the cat sat on the mat while the dog lay by the door and a bird sang in the tree"
words = text.split()
vocabulary = sorted(set(words))
ids = torch.tensor([vocabulary.index(w) for w in words * 60])
span, batch = 12, 16


class WordLM(nn.Module):
    """Predicts the next word; input and output words share one matrix."""

    def __init__(self, n_words, width=64):
        super().__init__()
        self.embed = nn.Embedding(n_words, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.decoder = nn.Linear(width, n_words)
        self.decoder.weight = self.embed.weight
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, x):
        return self.decoder(self.lstm(self.embed(x))[0])


model = WordLM(len(vocabulary))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(300):
    starts = torch.randint(len(ids) - span - 1, (batch,))
    x = torch.stack([ids[s : s + span] for s in starts])
    y = torch.stack([ids[s + 1 : s + span + 1] for s in starts])
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")
