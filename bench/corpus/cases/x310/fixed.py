"""Rank films for users: matrix factorisation, a fresh part of the log and fresh negatives every epoch."""
import torch
import torch.nn as nn
import torch.nn.functional as F

USERS, FILMS, TASTES = 200, 150, 6


def watch_log(g):
    u = torch.randn(USERS, TASTES, generator=g)
    f = torch.randn(FILMS, TASTES, generator=g)
    liked = torch.rand(USERS, FILMS, generator=g) < torch.sigmoid(2.0 * (u @ f.T) / TASTES**0.5 * 1.5 - 1.5)
    pairs = liked.nonzero()
    return liked, pairs[torch.randperm(len(pairs), generator=g)]


class Factors(nn.Module):
    def __init__(self, k=12):
        super().__init__()
        self.user, self.film = nn.Embedding(USERS, k), nn.Embedding(FILMS, k)
        self.popular = nn.Embedding(FILMS, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.film.weight, std=0.1)
        nn.init.zeros_(self.popular.weight)

    def forward(self, users, films):
        return (self.user(users) * self.film(films)).sum(-1) + self.popular(films).squeeze(-1)


def epoch_plan(pairs, budget, epoch, seed=1234):
    """The pairs to visit in this epoch, and a film nobody asked for against each."""
    torch.manual_seed(seed + epoch)
    chosen = pairs[torch.randperm(len(pairs))[:budget]]
    others = torch.randint(0, FILMS, (budget,))
    return chosen, others


@torch.no_grad()
def ranking_quality(model, liked, held):
    everyone = torch.arange(USERS).repeat_interleave(FILMS), torch.arange(FILMS).repeat(USERS)
    score = model(*everyone).view(USERS, FILMS)
    good = score[held[:, 0], held[:, 1]]
    films = torch.randint(0, FILMS, (len(held), 50), generator=torch.Generator().manual_seed(0))
    unseen = ~liked[held[:, :1], films]
    bad = score[held[:, :1], films]
    return ((good[:, None] > bad) & unseen).sum().item() / unseen.sum().item()


def main():
    liked, pairs = watch_log(torch.Generator().manual_seed(7))
    held, pairs = pairs[:1500], pairs[1500:]
    torch.manual_seed(7)
    model = Factors()
    opt = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 61):
        chosen, others = epoch_plan(pairs, 1000, epoch)
        total = 0.0
        for i in range(0, len(chosen), 100):
            users, films = chosen[i : i + 100].T
            loss = -F.logsigmoid(model(users, films) - model(users, others[i : i + 100])).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        if epoch % 10 == 0:
            print(f"epoch {epoch} loss {total / 10:.4f} AUC on held-out pairs {ranking_quality(model, liked, held):.3f}")


main()
