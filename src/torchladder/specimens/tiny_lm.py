"""A tiny causal transformer learns to spell the words of a small vocabulary."""

import torch
import torch.nn.functional as F
from torch import nn

block_size = 24
batch_size = 16
dim = 48
n_steps = 400

torch.manual_seed(0)
words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "seven", "wizards", "box"]
text = " ".join(words[i] for i in torch.randint(len(words), (3000,)).tolist())
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])
n_train = int(0.9 * len(ids))
train_ids, val_ids = ids[:n_train], ids[n_train:]


def get_batch(source):
    starts = torch.randint(len(source) - block_size - 1, (batch_size,)).tolist()
    x = torch.stack([source[i : i + block_size] for i in starts])
    y = torch.stack([source[i + 1 : i + 1 + block_size] for i in starts])
    return x, y


class Block(nn.Module):
    def __init__(self, n_heads=4):
        super().__init__()
        self.n_heads = n_heads
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def attend(self, x):
        b, t, _ = x.shape
        q, k, v = (
            z.view(b, t, self.n_heads, dim // self.n_heads).transpose(1, 2) for z in self.qkv(x).split(dim, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, dim))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class CharLM(nn.Module):
    def __init__(self, n_blocks=2):
        super().__init__()
        self.embed = nn.Embedding(len(chars), dim)
        self.pos = nn.Parameter(0.1 * torch.randn(block_size, dim))
        self.blocks = nn.ModuleList([Block() for _ in range(n_blocks)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, len(chars))

    def forward(self, x):
        x = self.embed(x) + self.pos[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


model = CharLM()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)


@torch.no_grad()
def validate(n_batches=10):
    model.eval()
    losses = []
    for _ in range(n_batches):
        x, y = get_batch(val_ids)
        losses.append(F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item())
    model.train()
    return sum(losses) / n_batches


for step in range(n_steps):
    x, y = get_batch(train_ids)
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 100 == 0 or step == n_steps - 1:
        print(f"step {step} loss {loss.item():.4f} val loss {validate():.4f}")
