import argparse
import math

import torch
import torch.nn as nn
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

MAX_DEVICE_BATCH_SIZE = 8


def get_dataloaders(batch_size):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32).view(-1, 8, 8), torch.tensor(y)
    g = torch.Generator().manual_seed(1)
    perm = torch.randperm(len(y), generator=g)
    tr, va = perm[:1408], perm[1408:]
    return (DataLoader(TensorDataset(x[tr], y[tr]), batch_size=batch_size, shuffle=True),
            DataLoader(TensorDataset(x[va], y[va]), batch_size=128))


class RowTransformer(nn.Module):
    """the eight rows of a digit as a sequence of tokens"""

    def __init__(self, dim=32):
        super().__init__()
        self.proj = nn.Linear(8, dim)
        self.pos = nn.Parameter(torch.randn(1, 8, dim) * 0.1)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        return self.head(self.encoder(self.proj(x) + self.pos).mean(1))


def training_function(args):
    accelerator = Accelerator(cpu=True)
    set_seed(args.seed)
    batch_size, gradient_accumulation_steps = args.batch_size, 1
    if batch_size > MAX_DEVICE_BATCH_SIZE:
        gradient_accumulation_steps = batch_size // MAX_DEVICE_BATCH_SIZE
        batch_size = MAX_DEVICE_BATCH_SIZE
    train_dataloader, eval_dataloader = get_dataloaders(batch_size)
    model = RowTransformer()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    total = args.num_epochs * len(train_dataloader) // gradient_accumulation_steps
    lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 0.5 * (1 + math.cos(math.pi * min(1, s / total))))
    model, optimizer, train_dataloader, eval_dataloader, lr_scheduler = accelerator.prepare(
        model, optimizer, train_dataloader, eval_dataloader, lr_scheduler)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.num_epochs):
        model.train()
        running = 0.0
        for step, (x, y) in enumerate(train_dataloader):
            loss = loss_fn(model(x), y)
            running += loss.item()
            accelerator.backward(loss / gradient_accumulation_steps)
            if (step + 1) % gradient_accumulation_steps == 0:
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()
        model.eval()
        correct = 0
        for x, y in eval_dataloader:
            with torch.no_grad():
                predictions = model(x).argmax(dim=-1)
            predictions, references = accelerator.gather_for_metrics((predictions, y))
            correct += (predictions == references).sum().item()
        accelerator.print(f"epoch {epoch}: loss {running / len(train_dataloader):.4f} accuracy {correct / len(eval_dataloader.dataset):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Simple example of training script.")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.03)
    parser.add_argument("--num_epochs", type=int, default=17)
    parser.add_argument("--seed", type=int, default=42)
    training_function(parser.parse_args())
