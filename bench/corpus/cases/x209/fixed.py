import torch
import torch.nn as nn
import torch.nn.functional as F


def molecules(n, atoms, seed):
    gen = torch.Generator().manual_seed(seed)
    feats = torch.randn(n, atoms, 5, generator=gen)
    local = torch.tanh(feats[..., 0] + feats[..., 1]) + 0.5 * feats[..., 2]
    energy = local.sum(1) + 0.05 * torch.randn(n, generator=gen)
    return feats, energy


class AtomSum(nn.Module):
    def __init__(self, hidden=64, drop=0.5):
        super().__init__()
        self.drop = drop
        self.embed = nn.Linear(5, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.read = nn.Linear(hidden, 1)

    def forward(self, atoms):
        h = F.silu(self.embed(atoms))
        h = F.silu(self.mix(h))
        h = F.dropout(h, p=self.drop, training=self.training)
        return self.read(h).sum(dim=(1, 2))


def mae(model, feats, energy):
    model.eval()
    with torch.no_grad():
        return (model(feats) - energy).abs().mean().item()


def fit(model, feats, energy, val, epochs, batch):
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(feats)).split(batch):
            loss = F.smooth_l1_loss(model(feats[idx]), energy[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        plan.step()
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1:2d} last loss {loss.item():.3f} validation mae {mae(model, *val):.3f}")


if __name__ == "__main__":
    torch.manual_seed(23)
    train, val, test = molecules(3000, 8, 1), molecules(500, 8, 2), molecules(500, 8, 3)
    model = AtomSum()
    fit(model, *train, val, epochs=30, batch=50)
    print("test mae, three calls:", " ".join(f"{mae(model, *test):.3f}" for _ in range(3)))
