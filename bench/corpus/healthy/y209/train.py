import torch
from torch import nn

torch.manual_seed(27)
USERS, ITEMS, RANK = 300, 200, 4


def ratings():
    g = torch.Generator().manual_seed(27)
    u, v = torch.randn(USERS, RANK, generator=g), torch.randn(ITEMS, RANK, generator=g)
    bu, bv = 0.4 * torch.randn(USERS, generator=g), 0.6 * torch.randn(ITEMS, generator=g)
    pairs = torch.randperm(USERS * ITEMS, generator=g)[:18000]
    who, what = pairs // ITEMS, pairs % ITEMS
    score = 3.2 + bu[who] + bv[what] + 0.4 * (u[who] * v[what]).sum(1) + 0.3 * torch.randn(len(pairs), generator=g)
    return who, what, score


class Factors(nn.Module):
    def __init__(self, rank, mean):
        super().__init__()
        self.user, self.item = nn.Embedding(USERS, rank), nn.Embedding(ITEMS, rank)
        self.user_bias, self.item_bias = nn.Embedding(USERS, 1), nn.Embedding(ITEMS, 1)
        for table, spread in ((self.user, 0.1), (self.item, 0.1), (self.user_bias, 0.0), (self.item_bias, 0.0)):
            nn.init.normal_(table.weight, std=spread)
        self.mean = mean

    def forward(self, who, what):
        inner = (self.user(who) * self.item(what)).sum(1)
        return self.mean + self.user_bias(who).squeeze(1) + self.item_bias(what).squeeze(1) + inner

    def penalty(self, who, what):
        return sum(t(i).square().sum() for t, i in ((self.user, who), (self.item, what), (self.user_bias, who), (self.item_bias, what)))


who, what, score = ratings()
train, test = slice(0, 15000), slice(15000, None)
model = Factors(RANK, score[train].mean().item())
opt = torch.optim.SGD(model.parameters(), lr=0.03)

for epoch in range(1, 31):
    total = 0.0
    for idx in torch.randperm(15000).split(100):
        loss = nn.functional.mse_loss(model(who[idx], what[idx]), score[idx], reduction="sum")
        opt.zero_grad()
        (loss + 0.02 * model.penalty(who[idx], what[idx])).backward()
        opt.step()
        total += loss.item()
    if epoch % 5 == 0:
        with torch.no_grad():
            rmse = nn.functional.mse_loss(model(who[test], what[test]), score[test]).sqrt().item()
        print(f"epoch {epoch} train rmse {(total / 15000) ** 0.5:.4f} test rmse {rmse:.4f}")
