"""Fill the gaps: a bidirectional encoder on a language of echoes, hidden words only are scored."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

MASK, WORDS, LENGTH = 0, 12, 16


def sentences(n, seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(1, WORDS + 1, (n, LENGTH // 2), generator=g).repeat_interleave(2, 1)


class Encoder(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.token = nn.Embedding(WORDS + 1, d)
        self.both_ways = nn.GRU(d, d, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(2 * d)
        self.words = nn.Linear(2 * d, WORDS + 1)

    def forward(self, ids):
        h, _ = self.both_ways(self.token(ids))
        return self.words(self.norm(h))


def hide(ids, share=0.15, generator=None):
    chosen = torch.rand(ids.shape, generator=generator) < share
    chosen[:, 0] |= ~chosen.any(1)
    return ids.masked_fill(chosen, MASK), ids.masked_fill(~chosen, -100)


def main():
    torch.manual_seed(3)
    train, test = DataLoader(sentences(1500, 0), batch_size=50, shuffle=True), sentences(300, 1)
    model = Encoder()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 40))
    for epoch in range(1, 9):
        model.train()
        for ids in train:
            inputs, labels = hide(ids)
            loss = F.cross_entropy(model(inputs).transpose(1, 2), labels, ignore_index=-100)
            opt.zero_grad()
            loss.backward()
            opt.step()
            warm.step()
        model.eval()
        with torch.no_grad():
            inputs, labels = hide(test, generator=torch.Generator().manual_seed(9))
            guess = model(inputs).argmax(-1)
            acc = (guess == labels)[labels != -100].float().mean().item()
        print(f"epoch {epoch} loss {loss.item():.4f} hidden words found {acc:.3f}")


main()
