import argparse
import math

import torch
import torch.nn as nn


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, length):
        super().__init__()
        pos = torch.arange(length).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, length, d_model)
        pe[0, :, 0::2] = torch.sin(pos * div)
        pe[0, :, 1::2] = torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:, :x.size(1)]


class MatchTransformer(nn.Module):
    """Does the second half of the sequence contain the symbol that opens it?"""

    def __init__(self, symbols, length, d_model, heads, layers, dropout):
        super().__init__()
        self.embed = nn.Embedding(symbols, d_model)
        self.pos = PositionalEncoding(d_model, length)
        layer = nn.TransformerEncoderLayer(d_model, heads, dim_feedforward=2 * d_model, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(d_model, 2)

    def forward(self, tokens):
        h = self.pos(self.embed(tokens))
        h = self.encoder(h)
        return self.head(h.mean(dim=1))


def make_data(n, length, symbols, gen):
    x = torch.randint(symbols, (n, length), generator=gen)
    y = torch.randint(2, (n,), generator=gen)
    half = x[:, length // 2:]
    first = x[:, :1]
    half[half == first] = (half + 1)[half == first] % symbols
    where = torch.randint(length // 2, (n,), generator=gen)
    rows = torch.nonzero(y).squeeze(1)
    half[rows, where[rows]] = first[rows, 0]
    x[:, length // 2:] = half
    return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--length", type=int, default=8)
    parser.add_argument("--symbols", type=int, default=6)
    parser.add_argument("--d-model", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.0)
    opt = parser.parse_args()
    torch.manual_seed(1)
    gen = torch.Generator().manual_seed(2)
    x, y = make_data(3000, opt.length, opt.symbols, gen)
    x_val, y_val = make_data(600, opt.length, opt.symbols, gen)
    model = MatchTransformer(opt.symbols, opt.length, opt.d_model, 4, 2, opt.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=opt.lr)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(opt.epochs):
        model.train()
        running = 0.0
        for idx in torch.randperm(len(x)).split(opt.batch_size):
            loss = loss_fn(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1:2d} loss {running / len(x):.4f} val accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
