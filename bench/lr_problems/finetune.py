"""A CNN trained on clean digits is fine-tuned on 240 dark, noisy ones: small rates keep what it knows.

The checkpoint is made by ``python finetune.py --pretrain``.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from cnn import digits, network
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 12
CHECKPOINT = "pretrained-{seed}.pt"


def pretrain(seed):
    x, y = digits(seed)
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(6):
        for i in torch.randperm(900).split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(x[i]), y[i]).backward()
            optimizer.step()
    torch.save(model.state_dict(), CHECKPOINT.format(seed=seed))


def build(seed):
    x, y = digits(seed)
    noise = torch.Generator().manual_seed(seed)
    x = 0.6 * x + 0.15 * torch.randn(x.shape, generator=noise)
    torch.manual_seed(seed)
    model = network()
    model.load_state_dict(torch.load(Path(CHECKPOINT.format(seed=seed)), weights_only=True))
    loader = DataLoader(TensorDataset(x[900:1140], y[900:1140]), batch_size=24, shuffle=True)
    return model, F.cross_entropy, loader, (x[1140:], y[1140:])


def make_optimizer(model, lr):
    return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)


def train(lr, seed):
    model, loss_fn, loader, (x_val, y_val) = build(seed)
    optimizer = make_optimizer(model, lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(x_val), y_val).item()
    return val


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pretrain", action="store_true")
    args = parser.parse_args()
    if args.pretrain:
        pretrain(args.seed)
    else:
        print(train(args.lr, args.seed))
