import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

PHONES = 6
BLANK = 0


def utterance(rng, table):
    phones = rng.integers(1, PHONES + 1, rng.integers(3, 7))
    frames = []
    for p in phones:
        frames += [table[0]] * rng.integers(0, 2) + [table[p]] * rng.integers(2, 4)
    frames = np.array(frames) + rng.normal(0, 0.3, (len(frames), table.shape[1]))
    return torch.tensor(frames, dtype=torch.float32), torch.tensor(phones)


def buckets(items, size, rng=None):
    chunks = [items[i:i + size] for i in range(0, len(items), size)]
    if rng is not None:
        rng.shuffle(chunks)
    for chunk in chunks:
        sound, phones = zip(*chunk)
        yield (pad_sequence(sound), torch.tensor([len(s) for s in sound]),
               pad_sequence(phones, batch_first=True, padding_value=BLANK), torch.tensor([len(p) for p in phones]))


class Listener(nn.Module):
    def __init__(self, bands, width=32):
        super().__init__()
        self.rnn = nn.GRU(bands, width, bidirectional=True)
        self.out = nn.Linear(2 * width, PHONES + 1)

    def forward(self, sound):
        h, _ = self.rnn(sound)
        return self.out(h).log_softmax(-1)


def greedy(logp, n):
    best = logp[:n].argmax(-1).tolist()
    return [b for a, b in zip([None] + best, best) if b != a and b != BLANK]


@torch.no_grad()
def exact(net, items):
    right = 0
    for sound, length, phones, count in buckets(items, 50):
        out = net(sound)
        for j in range(sound.shape[1]):
            right += greedy(out[:, j], length[j]) == phones[j, :count[j]].tolist()
    return right / len(items)


if __name__ == "__main__":
    rng = np.random.default_rng(2)
    torch.manual_seed(2)
    table = rng.normal(size=(PHONES + 1, 8))
    table[0] = 0
    train = sorted((utterance(rng, table) for _ in range(800)), key=lambda u: len(u[0]))
    test = [utterance(rng, table) for _ in range(200)]
    net = Listener(8)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    for epoch in range(1, 9):
        losses = []
        for sound, length, phones, count in buckets(train, 32, rng):
            loss = ctc(net(sound), phones, length, count)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            losses.append(loss.item())
        print(f"epoch {epoch} ctc {np.mean(losses):.4f} whole utterances right {exact(net, test):.3f}")
