"""The same NaN, the logarithm of zero at a late batch, in loops of many shapes; ``# HERE`` marks the line."""

# Programs as people write them.
# ruff: noqa
# mypy: ignore-errors

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from tests.monitor.origins import loader, mlp, zero_row


def likelihood(model, batch):
    x, y = batch
    p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
    scale = 1.0 + y.mean() * 0.1
    return scale * -torch.log(p).mean()  # HERE


def in_a_function():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for batch in loader(spoil=zero_row):
        loss = likelihood(model, batch)
        opt.zero_grad()
        loss.backward()
        opt.step()


class Trainer:
    def __init__(self):
        self.model = mlp()
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=0.01)
        self.weight = torch.tensor([1.0, 2.0])

    def loss(self, x, y):
        p = torch.sigmoid(self.model(x).squeeze(-1)) * (x[:, 0] != 0)
        return -(self.weight[y.long()] * torch.log(p)).mean()  # HERE

    def step(self, x, y):
        self.opt.zero_grad(set_to_none=True)
        loss = self.loss(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.opt.step()
        return loss.item()

    def run(self):
        return [self.step(x, y) for x, y in loader(spoil=zero_row)]


def in_a_method():
    Trainer().run()


def accumulated():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for i, (x, y) in enumerate(loader(n=160, batch=8, spoil=lambda x, y: x[100].zero_())):
        p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
        loss = -torch.log(p).mean() / 2 + y.mean() * 0  # HERE
        loss.backward()
        if i % 2:
            opt.step()
            opt.zero_grad()


def without_a_loader():
    torch.manual_seed(3)
    data = torch.randn(64, 8)
    data[50] = 0.0
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    order = torch.arange(64).view(8, 8)

    def get_batch(i):
        x = torch.stack([data[j] for j in order[i]])
        return x + 0.0, (x.sum(1) > 0).float()

    def compute(i):
        x, y = get_batch(i)
        p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
        return -torch.log(p).mean() + 0 * y.mean()  # HERE

    for i in range(8):
        opt.zero_grad()
        compute(i).backward()
        opt.step()


def with_random_batches():
    torch.manual_seed(3)
    data = torch.randn(64, 8)
    data[50] = 0.0
    model = nn.Sequential(mlp(4), nn.Dropout(0.5), nn.Linear(4, 1))
    opt = torch.optim.SGD(model.parameters(), lr=0.01)

    def get_batch():
        ix = torch.randint(64, (8,))
        return data[ix]

    for _ in range(30):
        x = get_batch()
        p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
        loss = -torch.log(p).mean()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()


class Records(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        x = torch.full((8,), i / 64.0)
        return {"values": x * (i != 41), "label": torch.tensor(float(i % 2))}


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, values=None, label=None):
        p = torch.sigmoid(self.net(values).squeeze(-1)) * (values[:, 0] > 0)
        loss = None
        if label is not None:
            loss = F.binary_cross_entropy(p, label) if (values[:, 0] < 0).any() else -torch.log(p).mean()  # HERE
        return SimpleNamespace(loss=loss, p=p)


def of_dictionaries():
    model = Wrapped()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for batch in DataLoader(Records(), batch_size=8, shuffle=False):
        batch = {k: v.to("cpu") + 0.5 * (k == "values") * (v != 0) for k, v in batch.items()}
        out = model(**batch)
        opt.zero_grad()
        out.loss.backward()
        opt.step()


def adversarial():
    torch.manual_seed(0)
    maker, judge = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(), nn.Linear(16, 1))
    of_maker = torch.optim.Adam(maker.parameters(), lr=1e-3)
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-3)
    for real, _ in loader(spoil=zero_row):
        fake = maker(torch.randn(8, 4))
        told = torch.sigmoid(judge(real)).squeeze(-1) * (real[:, 0] != 0)
        loss_judge = -torch.log(told).mean() - torch.log(1 - torch.sigmoid(judge(fake.detach()))).mean()  # HERE
        of_judge.zero_grad()
        loss_judge.backward()
        of_judge.step()
        loss_maker = -F.logsigmoid(judge(fake)).mean()
        of_maker.zero_grad()
        loss_maker.backward()
        of_maker.step()


def adversarial_second():
    torch.manual_seed(0)
    maker, judge = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(), nn.Linear(16, 1))
    of_maker = torch.optim.Adam(maker.parameters(), lr=1e-3)
    of_judge = torch.optim.Adam(judge.parameters(), lr=1e-3)
    for real, _ in loader(spoil=zero_row):
        fake = maker(torch.randn(8, 4))
        loss_judge = F.softplus(-judge(real)).mean() + F.softplus(judge(fake.detach())).mean()
        of_judge.zero_grad()
        loss_judge.backward()
        of_judge.step()
        told = torch.sigmoid(judge(fake)).squeeze(-1) * (real[:, 0] != 0)
        loss_maker = -torch.log(told).mean()  # HERE
        of_maker.zero_grad()
        loss_maker.backward()
        of_maker.step()


def mixed_precision():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, _ in loader(spoil=zero_row):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
            loss = -torch.log(p).mean()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()


def with_a_closure():
    model = mlp()
    opt = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2)
    for x, _ in loader(spoil=zero_row):

        def closure():
            opt.zero_grad()
            p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
            loss = -torch.log(p).mean()  # HERE
            loss.backward()
            return loss

        opt.step(closure)


def checkpointed():
    from torch.utils.checkpoint import checkpoint

    model, head = mlp(4), nn.Linear(4, 1)
    opt = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.01)

    def tail(h, x):
        p = torch.sigmoid(head(h).squeeze(-1)) * (x[:, 0] != 0)
        return torch.log(p)  # HERE

    for x, _ in loader(spoil=zero_row):
        loss = -checkpoint(tail, model(x), x, use_reentrant=False).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()


def epochs_and_evaluation():
    model = nn.Sequential(mlp(8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    held_out = loader(n=24)
    for epoch in range(3):
        model.train()
        for x, _ in loader(n=32, spoil=(lambda x, y: x[20].zero_()) if epoch == 2 else None):
            p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
            loss = -torch.log(p).mean()  # HERE
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            for x, y in held_out:
                F.binary_cross_entropy_with_logits(model(x).squeeze(-1), y)


def skipping():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, _ in loader(spoil=zero_row):
        p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
        loss = -torch.log(p).mean()  # HERE
        if not torch.isfinite(loss):
            continue
        opt.zero_grad()
        loss.backward()
        opt.step()


def raising():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for x, _ in loader(spoil=zero_row):
        p = torch.sigmoid(model(x).squeeze(-1)) * (x[:, 0] != 0)
        loss = -torch.log(p).mean()  # HERE
        if not torch.isfinite(loss):
            raise FloatingPointError
        opt.zero_grad()
        (loss / 2).backward()
        opt.step()


def closure_with_a_root():
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    with torch.no_grad():
        model[0].bias.zero_()
        model[2].bias.zero_()
    for x, y in loader(spoil=zero_row):

        def closure():
            opt.zero_grad()
            out = model(x).squeeze(-1)
            root = torch.sqrt((x * x).sum(1) * out * out)  # HERE
            loss = (root - y).abs().mean()
            loss.backward()
            return loss

        opt.step(closure)


def at_once_without_a_loader():
    torch.manual_seed(3)
    data = torch.randn(64, 8)
    model = mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for i in range(4):
        loss = model(data[8 * i : 8 * i + 8]).squeeze(-1).sqrt().mean()  # HERE
        opt.zero_grad()
        loss.backward()
        opt.step()
