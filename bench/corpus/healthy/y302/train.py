"""Character model on one long text: the hidden state runs on from window to window, in the order of the text."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def grammar(length, seed):
    """A text of nested brackets: what may close depends on what was opened many characters ago."""
    g = torch.Generator().manual_seed(seed)
    out, stack = [], []
    draws = torch.rand(length, 2, generator=g).tolist()
    for a, b in draws:
        if stack and (a < 0.5 or len(stack) > 5):
            out.append(")]}"["([{".index(stack.pop())])
        else:
            stack.append("([{"[int(3 * b)])
            out.append(stack[-1])
    return out


ALPHABET = "([{)]}"


def streams(text, lanes):
    ids = torch.tensor([ALPHABET.index(c) for c in text])
    return ids[: len(ids) // lanes * lanes].view(lanes, -1)


class CharModel(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET), 16)
        self.rnn = nn.LSTM(16, width, batch_first=True)
        self.decode = nn.Linear(width, len(ALPHABET))

    def forward(self, ids, state):
        h, state = self.rnn(self.embed(ids), state)
        return self.decode(h), state


def windows(lanes, size):
    for t in range(0, lanes.shape[1] - 1 - size, size):
        yield lanes[:, t : t + size], lanes[:, t + 1 : t + size + 1]


def main():
    torch.manual_seed(1)
    train, valid = streams(grammar(20000, 1), 20), streams(grammar(4000, 2), 4)
    model = CharModel()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    for epoch in range(1, 10):
        model.train()
        state = None
        for x, y in windows(train, 25):
            logits, state = model(x, state)
            state = tuple(s.detach() for s in state)
            loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
        model.eval()
        state, nats, n = None, 0.0, 0
        with torch.no_grad():
            for x, y in windows(valid, 25):
                logits, state = model(x, state)
                nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
                n += y.numel()
        print(f"epoch {epoch} train {loss.item():.4f} valid {nats / n:.4f} nats per character")


main()
