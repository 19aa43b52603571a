"""A curriculum: short sums first, long ones later, each stage in its own fixed order of difficulty."""
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 10


def problems(n, terms, seed):
    """`terms` digits, the answer is whether their sum beats 4.5 a term; padded to eight places."""
    g = torch.Generator().manual_seed(seed)
    digits = torch.randint(0, 10, (n, terms), generator=g)
    x = torch.full((n, 8), PAD)
    x[:, :terms] = digits
    return x, (digits.sum(1) > 4.5 * terms).long()


class Adder(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.embed = nn.Embedding(11, 12, padding_idx=PAD)
        self.rnn = nn.GRU(12, width, batch_first=True)
        self.answer = nn.Linear(width, 2)

    def forward(self, x):
        lengths = (x != PAD).sum(1)
        h, _ = self.rnn(self.embed(x))
        return self.answer(h[torch.arange(len(x)), lengths - 1])


def margin(x, y):
    """How clear the answer is; clear ones come first."""
    digits = x.masked_fill(x == PAD, 0).float()
    return -(digits.sum(1) / (x != PAD).sum(1) - 4.5).abs()


def stage(model, opt, terms, seed, batch=50, rounds=3):
    x, y = problems(1500, terms, seed)
    order = margin(x, y).argsort()
    x, y = x[order], y[order]
    model.train()
    for _ in range(rounds):
        for i in range(0, len(x), batch):
            loss = F.cross_entropy(model(x[i : i + batch]), y[i : i + batch])
            opt.zero_grad()
            loss.backward()
            opt.step()


@torch.no_grad()
def accuracy(model, terms):
    model.eval()
    x, y = problems(600, terms, 1000 + terms)
    return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(4)
model = Adder()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for number, terms in enumerate((3, 5, 7, 8)):
    for group in opt.param_groups:
        group["lr"] = 3e-3 * 0.4**number
    stage(model, opt, terms, seed=number)
    print(f"stage of {terms} terms: accuracy on 5 terms {accuracy(model, 5):.3f}, on 8 terms {accuracy(model, 8):.3f}")
