import copy

import torch
import torch.nn as nn

cfg = dict(seed=15, width=64, batch=64, lr=3e-3, stages=(2, 4, 6, 8), epochs=7, patience=3, good_enough=0.999)


def parities(n, length, gen):
    """Rows of -1/+1 and, for every place, whether the number of +1 so far is odd."""
    bits = (torch.rand(n, length, generator=gen) < 0.5).float()
    return (2 * bits - 1).unsqueeze(-1), bits.cumsum(1).remainder(2)


class Counter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.rnn = nn.GRU(1, width, batch_first=True)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0]).squeeze(-1)


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        return ((net(x) > 0).float() == y).float().mean().item()


def run():
    torch.manual_seed(cfg["seed"])
    gen = torch.Generator().manual_seed(cfg["seed"])
    net = Counter(cfg["width"])
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"])
    loss_fn = nn.BCEWithLogitsLoss()
    x_val, y_val = parities(400, 16, gen)
    best, best_state, waited = 0.0, copy.deepcopy(net.state_dict()), 0
    for length in cfg["stages"]:
        x, y = parities(1500, length, gen)
        for epoch in range(cfg["epochs"]):
            net.train()
            total = 0.0
            for idx in torch.randperm(len(x), generator=gen).split(cfg["batch"]):
                loss = loss_fn(net(x[idx]), y[idx])
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                opt.step()
                total += loss.item() * len(idx)
            acc = evaluate(net, x_val, y_val)
            if acc > best:
                best, best_state, waited = acc, copy.deepcopy(net.state_dict()), 0
            else:
                waited += 1
            if best >= cfg["good_enough"] and waited >= cfg["patience"]:
                break
        print(f"length {length}: loss {total / len(x):.4f}, accuracy on length 16 {acc:.3f}, best {best:.3f}")
    net.load_state_dict(best_state)
    return net


net = run()
print(f"length 24 with the best state: {evaluate(net, *parities(400, 24, torch.Generator().manual_seed(99))):.3f}")
