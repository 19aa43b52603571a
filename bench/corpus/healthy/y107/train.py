import torch
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

LONGEST = 8


def sums(n, g):
    """Strings of signs (+1 or -1) of length 2 to 8; the class says whether the sum is below, at or above zero."""
    length = torch.randint(2, LONGEST + 1, (n,), generator=g)
    sign = torch.randint(0, 2, (n, LONGEST), generator=g) * 2 - 1
    keep = torch.arange(LONGEST) < length[:, None]
    total = (sign * keep).sum(1)
    ids = torch.where(keep, (sign + 3) // 2, torch.zeros_like(sign))
    return ids, torch.sign(total) + 1, length


class EasyFirst(Sampler):
    """Curriculum: the pool grows from the short strings to all; inside an epoch short ones come first."""

    def __init__(self, difficulty, stages):
        self.order = torch.argsort(difficulty, stable=True).tolist()
        self.stages, self.stage = stages, 0

    def pool(self):
        return self.order[:int(len(self.order) * min(1.0, (self.stage + 1) / self.stages))]

    def __iter__(self):
        yield from self.pool()

    def __len__(self):
        return len(self.pool())


class Counter(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(3, 8, padding_idx=0)
        self.rnn = nn.GRU(8, width, batch_first=True)
        self.out = nn.Linear(width, 3)

    def forward(self, ids, length):
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(ids), length, batch_first=True, enforce_sorted=False)
        return self.out(self.rnn(packed)[1][-1])


torch.manual_seed(4)
g = torch.Generator().manual_seed(4)
ids, label, length = sums(2400, g)
held = sums(600, g)
curriculum = EasyFirst(length, stages=3)
loader = DataLoader(TensorDataset(ids, label, length), batch_size=48, sampler=curriculum)
net = Counter()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(12):
    curriculum.stage = epoch // 2
    tot = 0.0
    for i, y, n in loader:
        loss = nn.functional.cross_entropy(net(i, n), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    with torch.no_grad():
        acc = (net(held[0], held[2]).argmax(1) == held[1]).float().mean().item()
    print(f"epoch {epoch} pool {len(curriculum)} loss {tot / len(loader):.4f} held-out {acc:.3f}")
