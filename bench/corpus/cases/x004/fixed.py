import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

TOPICS = ["billing", "delivery", "returns", "praise", "technical"]
VOCAB, ANNOTATORS = 120, 7


def simulate_tickets(n, seed):
    """Bags of word ids; each of seven annotators ticks the topics seen. A ticket keeps the share of ticks per topic."""
    g = torch.Generator().manual_seed(seed)
    tickets = []
    for _ in range(n):
        strength = torch.rand(len(TOPICS), generator=g) ** 2
        length = int(torch.randint(10, 25, (1,), generator=g))
        words = []
        for _ in range(length):
            if torch.rand((), generator=g) < 0.75:
                t = int(torch.multinomial(strength + 1e-3, 1, generator=g))
                words.append(t * 20 + int(torch.randint(20, (1,), generator=g)))
            else:
                words.append(100 + int(torch.randint(20, (1,), generator=g)))
        share = torch.tensor([sum(w // 20 == t for w in words) / length for t in range(len(TOPICS))])
        ticks = torch.bernoulli((share * 2.2).clamp(max=0.97).repeat(ANNOTATORS, 1), generator=g)
        tickets.append((words, ticks.mean(0).tolist()))
    return tickets


def collate(batch):
    offsets, ids, labels = [], [], []
    for words, shares in batch:
        offsets.append(len(ids))
        ids.extend(words)
        labels.append(shares)
    return torch.tensor(ids), torch.tensor(offsets), torch.tensor(labels, dtype=torch.float32)


class BagTagger(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.net = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, len(TOPICS)))

    def forward(self, ids, offsets):
        return self.net(self.bag(ids, offsets))


def evaluate(model, loader, tickets):
    model.eval()
    with torch.no_grad():
        prob = torch.cat([torch.sigmoid(model(ids, off)) for ids, off, _ in loader])
    want = torch.tensor([shares for _, shares in tickets])
    mae = (prob - want).abs().mean().item()
    top = (prob.argmax(1) == want.argmax(1)).float().mean().item()
    return mae, top


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--dim", type=int, default=32)
    ap.add_argument("--lr", type=float, default=5e-3)
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--batch-size", type=int, default=32)
    args = ap.parse_args()
    torch.manual_seed(0)

    train, valid = simulate_tickets(1600, 1), simulate_tickets(400, 2)
    train_dl = DataLoader(train, args.batch_size, shuffle=True, collate_fn=collate)
    valid_dl = DataLoader(valid, 200, collate_fn=collate)
    model = BagTagger(args.dim)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for ids, offsets, labels in train_dl:
            opt.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(ids, offsets), labels.float())
            loss.backward()
            opt.step()
            total += loss.item()
        mae, top = evaluate(model, valid_dl, valid)
        print(f"epoch {epoch}: bce {total / len(train_dl):.4f}  share MAE {mae:.3f}  top topic right {top:.3f}")


if __name__ == "__main__":
    main()
