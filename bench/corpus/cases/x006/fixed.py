import math
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F


@dataclass
class GPTConfig:
    block_size: int = 24
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 32


@dataclass
class TrainConfig:
    batch_size: int = 24
    max_iters: int = 300
    eval_interval: int = 75
    eval_iters: int = 10
    learning_rate: float = 3e-3
    seed: int = 1337


def make_corpus(seed=5, sentences=1500):
    g = torch.Generator().manual_seed(seed)
    pick = lambda words: words[int(torch.randint(len(words), (1,), generator=g))]
    out = []
    for _ in range(sentences):
        out.append(f"the {pick(['red', 'old', 'big', 'shy', 'fat', 'wet', 'mad', 'slim'])} {pick(['cat', 'dog', 'fox', 'crow', 'hen', 'owl', 'pig', 'mole'])} "
                   f"{pick(['sees', 'likes', 'hears', 'wants', 'finds'])} {pick(['rain', 'bread', 'music', 'wind', 'shoes', 'milk', 'birds', 'gold'])}.")
    return " ".join(out)


text = make_corpus()
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
splits = {"train": data[:n], "val": data[n:]}


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_head = cfg.n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(cfg.n_embd), nn.LayerNorm(cfg.n_embd)
        self.c_attn = nn.Linear(cfg.n_embd, 3 * cfg.n_embd)
        self.c_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.mlp = nn.Sequential(nn.Linear(cfg.n_embd, 4 * cfg.n_embd), nn.GELU(), nn.Linear(4 * cfg.n_embd, cfg.n_embd))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(self.ln_1(x)).split(C, dim=2)
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, cfg, vocab):
        super().__init__()
        self.wte = nn.Embedding(vocab, cfg.n_embd)
        self.wpe = nn.Embedding(cfg.block_size, cfg.n_embd)
        self.h = nn.ModuleList(Block(cfg) for _ in range(cfg.n_layer))
        self.ln_f = nn.LayerNorm(cfg.n_embd)
        self.lm_head = nn.Linear(cfg.n_embd, vocab, bias=False)
        self.apply(self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, std=0.05)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, targets):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def get_batch(split, cfg, tc, it):
    d = splits[split]
    g = torch.Generator().manual_seed(tc.seed + it)
    ix = torch.randint(len(d) - cfg.block_size - 1, (tc.batch_size,), generator=g)
    x = torch.stack([d[i:i + cfg.block_size] for i in ix])
    y = torch.stack([d[i + 1:i + 1 + cfg.block_size] for i in ix])
    return x, y


@torch.no_grad()
def estimate_loss(model, cfg):
    model.eval()
    d, T = splits["val"], cfg.block_size
    starts = torch.arange(0, len(d) - T - 1, T)
    x = torch.stack([d[i:i + T] for i in starts])
    y = torch.stack([d[i + 1:i + 1 + T] for i in starts])
    _, loss = model(x, y)
    model.train()
    return loss.item()


def main():
    cfg, tc = GPTConfig(), TrainConfig()
    torch.manual_seed(tc.seed)
    model = GPT(cfg, len(chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=tc.learning_rate, betas=(0.9, 0.99))
    print(f"{len(data)} characters, vocabulary {len(chars)}, loss of a uniform guess {math.log(len(chars)):.3f}")
    for it in range(1, tc.max_iters + 1):
        x, y = get_batch("train", cfg, tc, it)
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if it % tc.eval_interval == 0:
            print(f"iter {it}: train loss {loss.item():.4f}, val loss {estimate_loss(model, cfg):.4f}")


if __name__ == "__main__":
    main()
