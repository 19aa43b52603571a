import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


class SeqTagger(nn.Module):
    """Sequence-first (time, batch, feature) bidirectional GRU; one label per time step."""

    def __init__(self, features, hidden, classes):
        super().__init__()
        self.rnn = nn.GRU(features, hidden, bidirectional=True)
        self.out = nn.Linear(2 * hidden, classes)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], total_length=x.size(0))
        return self.out(states)


def episode(gen):
    """A random walk; the label says whether the walk is in its rising, falling or flat phase, each of random duration."""
    xs, ys, level = [], [], 0.0
    for _ in range(int(torch.randint(2, 5, (1,), generator=gen))):
        phase = int(torch.randint(3, (1,), generator=gen))
        for _ in range(int(torch.randint(4, 9, (1,), generator=gen))):
            level += (0.0, 0.3, -0.3)[phase]
            xs.append(level)
            ys.append(phase)
    x = torch.tensor(xs)
    x = x + 0.15 * torch.randn(len(xs), generator=gen)
    step = torch.diff(x, prepend=x[:1])
    return torch.stack([x, step], 1), torch.tensor(ys)


def make_batches(episodes, size, shuffle):
    order = torch.randperm(len(episodes)).tolist() if shuffle else list(range(len(episodes)))
    for i in range(0, len(order), size):
        part = [episodes[j] for j in order[i:i + size]]
        lengths = torch.tensor([len(y) for _, y in part])
        yield pad_sequence([x for x, _ in part]), pad_sequence([y for _, y in part], padding_value=-1), lengths


def train_epoch(model, episodes, opt, criterion):
    model.train()
    loss_sum = steps = 0
    for x, y, lengths in make_batches(episodes, 25, shuffle=True):
        logits = model(x, lengths)
        loss = criterion(logits.flatten(0, 1), y.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        loss_sum, steps = loss_sum + loss.item(), steps + 1
    return loss_sum / steps


def evaluate(model, episodes):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, y, lengths in make_batches(episodes, 100, shuffle=False):
            real = y >= 0
            good += (model(x, lengths).argmax(-1)[real] == y[real]).sum().item()
            total += int(real.sum())
    return good / total


if __name__ == "__main__":
    torch.manual_seed(61)
    gen = torch.Generator().manual_seed(61)
    train, test = [episode(gen) for _ in range(600)], [episode(gen) for _ in range(200)]
    model = SeqTagger(2, 24, 3)
    opt = torch.optim.Adam(model.parameters(), lr=6e-3)
    criterion = nn.CrossEntropyLoss(ignore_index=-1)
    for epoch in range(8):
        loss = train_epoch(model, train, opt, criterion)
        print(f"epoch {epoch} loss {loss:.4f} accuracy {evaluate(model, test):.3f}")
