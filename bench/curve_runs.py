"""Small real trainings whose curves are known from inside: healthy ones, and ones with a fault put in.

Every run logs what a user's program would (training loss as the mean over an epoch in training mode, or of single
steps; loss and score of a small validation set). Beside that, and not in the log, the losses of all training samples
and of a large test set are measured after every epoch in evaluation mode, and once more after training on for half as
long again. The true state is told by those (``measured``), never by the logged columns.
"""

import gzip
import math
import os
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parents[1]
FASHION = ("/usr/share/datasets/fashion-mnist", os.environ.get("FASHION_MNIST", ""))  # where the set was unpacked
CONTEXT = 8


@dataclass
class Task:
    """Training, validation and test samples; ``classes`` is 0 for regression."""

    name: str
    train: tuple
    val: tuple
    test: tuple
    classes: int
    blind: float
    tokens: int = 0


@dataclass
class Recipe:
    """How a run is made. ``rate_of`` gives the factor of the learning rate at a share of the run."""

    states: tuple
    hidden: int = 64
    depth: int = 2
    dropout: float = 0.0
    optimizer: str = "adam"
    lr: float = 3e-3
    decay: float = 0.0
    epochs: int = 40
    batch: int = 64
    samples: int = 0
    val: int = 0
    noise: float = 0.0
    spoil: str = ""
    smoothing: float = 0.0
    weights: bool = False
    rate_of: object = None
    log: str = "epoch"
    columns: str = "all"
    resume: bool = False
    known: tuple = field(default=())


def split(name, x, y, sizes, seed, classes):
    """Return a task of standardised columns."""
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order], y[order]
    a, b, c = sizes
    mean, std = x[:a].mean(0), x[:a].std(0)
    std = np.where(std < 1e-2 * std.max(), 1.0, std)  # a pixel that is blank in all of the training samples
    x = torch.tensor((x - mean) / std, dtype=torch.float32)
    if classes:
        y = torch.tensor(y, dtype=torch.long)
        p = torch.bincount(y[:a], minlength=classes).double() / a
        blind = float(-(p[p > 0] * p[p > 0].log()).sum())
    else:
        y = torch.tensor((y - y[:a].mean()) / y[:a].std(), dtype=torch.float32)
        blind = 1.0
    parts = [(x[s], y[s]) for s in (slice(0, a), slice(a, a + b), slice(a + b, a + b + c))]
    return Task(name, *parts, classes, blind)


def fashion():
    """Return pictures (averaged to 14 x 14) and labels of Fashion-MNIST, None where it is not installed."""
    folder = next((Path(f) for f in FASHION if Path(f, "train-images-idx3-ubyte.gz").exists()), None)
    if folder is None:
        return None
    raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
    x = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)[:8000].astype(np.float32) / 255
    y = np.frombuffer(gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)[:8000]
    return x.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(8000, -1), y.astype(np.int64)


def text_task(seed):
    """Return the next character after eight, in the text of the licence."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8").lower()
    words = sorted(set(text))
    ids = torch.tensor([words.index(c) for c in text])
    windows = ids.unfold(0, CONTEXT + 1, 1)
    cut = len(windows) * 3 // 5
    g = torch.Generator().manual_seed(seed)
    train = windows[:cut][torch.randperm(cut, generator=g)[:2500]]
    rest = windows[cut + CONTEXT :]
    rest = rest[torch.randperm(len(rest), generator=g)]
    p = torch.bincount(train[:, -1]).double() / len(train)
    blind = float(-(p[p > 0] * p[p > 0].log()).sum())
    parts = [(w[:, :-1], w[:, -1]) for w in (train, rest[:400], rest[400:2400])]
    return Task("text", *parts, len(words), blind, len(words))


def task(name, seed):
    """Return a task by name, its samples dealt out by the seed."""
    if name == "text":
        return text_task(seed)
    if name == "fashion":
        x, y = fashion()
        return split(name, x, y, (2000, 400, 3000), seed, 10)
    if name == "shirts":  # two classes that are hard to tell apart: T-shirt and shirt
        x, y = fashion()
        two = (y == 0) | (y == 6)
        return split(name, x[two], (y[two] == 6).astype(np.int64), (500, 200, 800), seed, 2)
    if name == "tops":  # pullover, dress and coat
        x, y = fashion()
        three = np.isin(y, (2, 3, 4))
        return split(name, x[three], np.searchsorted((2, 3, 4), y[three]), (900, 250, 1200), seed, 3)
    if name == "ink":  # from the upper half of a digit, how much ink its lower half has
        x = datasets.load_digits().data
        return split(name, x[:, :32], x[:, 32:].mean(1), (500, 200, 800), seed, 0)
    loaded = getattr(datasets, f"load_{name}")()
    sizes = {
        "digits": (900, 200, 690), "wine": (70, 30, 78), "breast_cancer": (250, 80, 239), "iris": (60, 30, 60),
        "diabetes": (200, 60, 182),
    }[name]  # fmt: skip
    return split(name, loaded.data, loaded.target, sizes, seed, 0 if name == "diabetes" else len(loaded.target_names))


class Words(nn.Module):
    """Embedded characters of the context, side by side."""

    def __init__(self, tokens):
        super().__init__()
        self.table = nn.Embedding(tokens, 12)

    def forward(self, x):
        """Return one row a context."""
        return self.table(x).flatten(1)


def network(t, recipe):
    """Return a multilayer perceptron of the recipe's size."""
    width = CONTEXT * 12 if t.tokens else t.train[0].shape[1] + (max(t.classes, 1) if recipe.spoil == "leak" else 0)
    layers = [Words(t.tokens)] if t.tokens else []
    for _ in range(recipe.depth):
        layers += [nn.Linear(width, recipe.hidden), nn.ReLU(), nn.Dropout(recipe.dropout)]
        width = recipe.hidden
    return nn.Sequential(*layers, nn.Linear(width, max(t.classes, 1)))


def with_answers(x, y, t):
    """Return the inputs with the answers among them: a leak."""
    hot = functional.one_hot(y, t.classes).float() if t.classes else y[:, None]
    return torch.cat([x, 3.0 * hot], 1)


def prepared(t, recipe, g):
    """Return the three sides as the recipe spoils them."""
    sides = []
    for n, side in enumerate((t.train, t.val, t.test)):
        x, y = side
        if n == 0 and recipe.samples:
            x, y = x[: recipe.samples], y[: recipe.samples]
        if n == 1 and recipe.val:
            x, y = x[: recipe.val], y[: recipe.val]
        if n == 0 and recipe.noise:
            hit = torch.rand(len(y), generator=g) < recipe.noise
            other = y[torch.randperm(len(y), generator=g)]
            y = torch.where(hit, other, y)
        if n == 0 and recipe.spoil == "shuffled":
            y = y[torch.randperm(len(y), generator=g)]
        if recipe.spoil == "blank":
            x = torch.zeros_like(x)
        if recipe.spoil == "leak":
            x = with_answers(x, y, t)
        sides.append((x, y))
    return sides


def score(out, y, classes):
    """Return accuracy, or R2 for values."""
    if classes:
        return float((out.argmax(1) == y).float().mean())
    return 1 - float(functional.mse_loss(out, y) / y.var())


def plain_loss(out, y, classes):
    """Return cross entropy or squared error."""
    return functional.cross_entropy(out, y) if classes else functional.mse_loss(out, y)


def look(model, side, classes):
    """Return loss and score of a side in evaluation mode."""
    model.eval()
    with torch.no_grad():
        out = model(side[0])
        out = out if classes else out[:, 0]
        found = float(plain_loss(out, side[1], classes)), score(out, side[1], classes)
    model.train()
    return found


def optimizer_of(recipe, model):
    """Return the recipe's optimizer."""
    if recipe.optimizer == "adam":
        return torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay)
    momentum = 0.9 if recipe.optimizer == "momentum" else 0.0
    return torch.optim.SGD(model.parameters(), lr=recipe.lr, momentum=momentum, weight_decay=recipe.decay)


def train(t, recipe, seed):
    """Return the log of a run as columns, and what was measured from inside."""
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    fit, val, test = prepared(t, recipe, g)
    model = network(t, recipe)
    optimizer = optimizer_of(recipe, model)
    weight = None
    if recipe.weights and t.classes:
        weight = 0.3 + 2.5 * torch.rand(t.classes, generator=g)
    n = len(fit[1])
    batches = max(n // recipe.batch, 1)
    rows, steps, inside = [], [], []
    for epoch in range(recipe.epochs + recipe.epochs // 2):
        going_on = epoch >= recipe.epochs
        order = torch.randperm(n, generator=g)
        losses, right = [], []
        for b in range(batches):
            share = min((epoch * batches + b) / (recipe.epochs * batches), 1.0)
            factor = recipe.rate_of(share) if recipe.rate_of else 1.0
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * factor
            take = order[b * recipe.batch : (b + 1) * recipe.batch]
            out = model(fit[0][take])
            if t.classes:
                loss = functional.cross_entropy(out, fit[1][take], weight, label_smoothing=recipe.smoothing)
            else:
                out = out[:, 0]
                loss = functional.mse_loss(out, fit[1][take])
            if recipe.spoil == "nan" and share > 0.4 and b == batches - 1:
                loss = loss * float("nan")
            optimizer.zero_grad()
            loss.backward()
            if recipe.spoil == "frozen":
                model.zero_grad()
            optimizer.step()
            losses.append(float(loss.detach()))
            right.append(score(out.detach(), fit[1][take], t.classes) if len(take) > 1 else float("nan"))
            if not going_on:
                steps.append((epoch * batches + b, losses[-1], recipe.lr * factor))
        seen = look(model, val, t.classes)
        inside.append((look(model, fit, t.classes)[0], look(model, test, t.classes)[0]))
        if not going_on:
            rows.append((epoch, float(np.mean(losses)), float(np.mean(right)), *seen, recipe.lr * factor))
    return rows, steps, batches, inside


def lines_of(recipe, rows, steps, batches):
    """Return the log as columns, in the form that the recipe logs in."""
    if recipe.log == "steps":
        every = max(len(steps) // 250, 1)
        table = {"step": [], "train_loss": [], "val_loss": [], "val_acc": []}
        for s, loss, _ in steps[::every]:
            table = added(table, s, loss, None, None)
        for r in rows:
            table = added(table, (r[0] + 1) * batches - 1, None, r[3], r[4])
        order = sorted(range(len(table["step"])), key=lambda i: table["step"][i])
        table = {k: [v[i] for i in order] for k, v in table.items()}
    else:
        names = ("epoch", "train_loss", "train_acc", "val_loss", "val_acc", "lr")
        table = {name: [r[i] for r in rows] for i, name in enumerate(names)}
    keep = {
        "all": None, "loss": {"epoch", "step", "train_loss", "val_loss"}, "acc": {"epoch", "train_acc", "val_acc"},
        "no-lr": {"epoch", "step", "train_loss", "train_acc", "val_loss", "val_acc"},
    }[recipe.columns]  # fmt: skip
    table = {k: v for k, v in table.items() if keep is None or k in keep}
    if recipe.resume:  # killed, and gone on from a checkpoint some rows before
        n = len(next(iter(table.values())))
        cut, back = n * 3 // 5, max(n // 10, 2)
        table = {k: v[:cut] + v[cut - back :] for k, v in table.items()}
    return {k: [rounded(x) for x in v] for k, v in table.items()}


def added(table, *row):
    """Return the table with a row appended."""
    for name, value in zip(table, row, strict=True):
        table[name].append(value)
    return table


def rounded(x):
    """Return a number short enough to store."""
    if x is None or isinstance(x, int):
        return x
    return float(f"{x:.4g}") if math.isfinite(x) else str(x)


def restarts(share):
    """Return a cosine that begins anew three times."""
    return 0.5 * (1 + math.cos(math.pi * ((share * 3) % 1.0)))


def scenarios(t, rng):
    """Return name -> recipe: what is put in, and the states that it may give."""
    small = t.name in {"wine", "iris", "diabetes", "breast_cancer"}
    base = {"batch": 16 if small else 64, "decay": 0.01, "hidden": 32 if small else 96}
    good = {"lr": 2e-3, "epochs": {"fashion": 16, "text": 12, "diabetes": 12, "shirts": 24}.get(t.name, 30), **base}
    if t.name != "digits":
        good |= {"dropout": 0.3, "decay": 0.05}
    fine = ("healthy", "still-improving", "overfitting", "underfitting", "plateau")
    few = {"samples": {"digits": 150, "fashion": 250, "text": 500, "shirts": 80}.get(t.name, 40), "batch": 16}
    columns = ("all", "loss", "no-lr")

    def made(states, **more):
        return Recipe(states, **{"columns": rng.choice(columns), **more})

    cos = lambda s: 0.5 * (1 + math.cos(math.pi * s))  # noqa: E731
    poor = ("underfitting", "plateau", "not-learning", "still-improving")
    wild = ("oscillating", "diverged", "not-learning", "healthy", "overfitting", "underfitting")
    sgd = {"optimizer": "momentum", "lr": 0.02}
    return {
        "healthy-adam": made(fine, **good),
        "healthy-sgd-cosine": made(fine, **{**good, **sgd}, rate_of=cos),
        "healthy-dropout": made(fine, **{**good, "dropout": 0.5, "hidden": 128}),
        "healthy-step-drops": made(fine, **{**good, **sgd}, rate_of=lambda s: 1.0 if s < 0.5 else 0.1),
        "healthy-restarts": made(fine, **{**good, "lr": 4e-3}, rate_of=restarts),
        "healthy-small-val": made(fine, **{**good, "val": 25}),
        "healthy-smoothing": made(fine, **good, smoothing=0.1),
        "healthy-weights": made(fine, **good, weights=True),
        "healthy-resume": made(fine, **good, resume=True),
        "healthy-late-start": made(fine, **good, rate_of=lambda s: 1e-3 if s < 0.2 else 1.0),
        "healthy-steps": made(fine, **good, log="steps"),
        "healthy-scores": made(fine, **{**good, "columns": "acc"}),
        "lr-low": made(poor, **{**good, "optimizer": "sgd", "lr": 2e-3 if small else 6e-3}),
        "lr-lower": made(poor, **{**good, "lr": 2e-5, "log": rng.choice(("steps", "epoch"))}),
        "tiny": made((*poor, "healthy"), **{**good, "hidden": 1, "depth": 1, "dropout": 0.0, "decay": 0.0}),
        "tiny-deep": made((*poor, "healthy"), **{**good, "hidden": 2, "depth": 3, "dropout": 0.0}),
        "decay-huge": made(poor, **{**good, "decay": 80.0}),
        "few-samples": made(("overfitting",), **{**good, "lr": 4e-3, "dropout": 0.0, "decay": 0.0, "hidden": 256,
                                                 "epochs": 60, **few}),
        "few-noisy": made(("overfitting",), **{**good, "lr": 3e-3, "dropout": 0.0, "decay": 0.0, "hidden": 192,
                                               "epochs": 60, **few, "noise": 0.25}),
        "noisy-labels": made(("overfitting",), **{**good, "lr": 4e-3, "dropout": 0.0, "decay": 0.0, "hidden": 256,
                                                  "epochs": 50, "noise": 0.3, "log": rng.choice(("steps", "epoch"))}),
        "shuffled-large": made(("overfitting",), **{**good, "lr": 4e-3, "dropout": 0.0, "decay": 0.0, "hidden": 256,
                                                    "epochs": 60, **few, "spoil": "shuffled"}),
        "shuffled": made(("not-learning",), **{**good, "hidden": 16, "lr": 1e-3, "dropout": 0.5,
                                               "spoil": "shuffled"}),
        "blank": made(("not-learning",), **good, spoil="blank"),
        "frozen": made(("not-learning",), **{**good, "decay": 0.0}, spoil="frozen"),
        "frozen-steps": made(("not-learning",), **{**good, "decay": 0.0}, spoil="frozen", log="steps"),
        "lr-explodes": made(wild, **{**good, "optimizer": "sgd", "lr": 8.0}),
        "lr-high": made(wild, **{**good, "dropout": 0.0, "lr": 0.3}),
        "lr-swings": made(wild, **{**good, "dropout": 0.0, "optimizer": "momentum", "lr": 0.25}),
        "lr-swings-sgd": made(wild, **{**good, "dropout": 0.0, "optimizer": "sgd", "lr": 0.9, "batch": 16}),
        "lr-swings-adam": made(wild, **{**good, "dropout": 0.0, "decay": 0.0, "lr": 0.06}),
        "lr-rises": made(wild, **{**good, **sgd, "dropout": 0.0}, rate_of=lambda s: 1.0 if s < 0.3 else 30.0),
        "lr-rises-adam": made(wild, **{**good, "dropout": 0.0, "decay": 0.0},
                              rate_of=lambda s: 1.0 if s < 0.3 else 60.0),
        "nan-late": made(("diverged",), **good, spoil="nan", log=rng.choice(("steps", "epoch"))),
        "runs-away": made(("diverged", "not-learning"), **{**good, **sgd},
                          rate_of=lambda s: 1.0 if s < 0.5 else 400.0),
        "lr-stops": made(("plateau", "underfitting", "not-learning"), **{**good, "lr": 5e-4},
                         rate_of=lambda s: 1.0 if s < 0.12 else 1e-5),
        "lr-stops-sgd": made(("plateau", "underfitting", "not-learning"), **{**good, "optimizer": "sgd", "lr": 0.05},
                             rate_of=lambda s: 1.0 if s < 0.15 else 0.0),
        "leak": made(("too-good",), **{**good, "dropout": 0.0, "decay": 0.0}, spoil="leak")
        if t.classes and not t.tokens
        else None,
        "cut-short": made(("still-improving",), **{**good, "lr": 4e-4 if not small else 1e-3, "epochs": 8,
                                                   "dropout": 0.0}),
        "cut-short-sgd": made(("still-improving",), **{**good, **sgd, "lr": 5e-3, "epochs": 10, "dropout": 0.0}),
    }  # fmt: skip


SHORT, TURNS, SWING, POOR = 0.4, 0.4, 0.25, 0.5
LATE_MIN = 6  # epochs that can show a swing


def late(values):
    """Return the last two fifths."""
    return values[-max(int(len(values) * SHORT), 3) :]


def swinging(losses, blind):
    """Return by how much a loss swings late, and keeps turning, at a level that matters.

    The highest value is left out: a single spike is no swing.
    """
    tail = list(losses[-max(int(len(losses) * SHORT), LATE_MIN) :])
    tail.remove(max(tail))
    mean = float(np.mean(tail))
    steps = np.diff(tail)
    turns = float(np.mean(steps[1:] * steps[:-1] < 0)) if len(steps) > 1 else 0.0
    return min(float(np.std(tail)) / (SWING * mean), turns / TURNS, mean / (0.1 * blind))


def margins(recipe, t, inside, best):
    """Return state -> by how much its definition is met (above 1) or missed (below), from the losses from inside."""
    n = recipe.epochs
    inside = [(max(a, 1e-9), max(b, 1e-9)) for a, b in inside]  # NaN stays NaN
    fit, test = [a for a, _ in inside[:n]], [b for _, b in inside[:n]]
    after = [b for _, b in inside[n:]]
    if not math.isfinite(fit[-1]):
        return {"diverged": 9.0}
    found = {}
    low = min(fit)
    where = min(range(n), key=lambda i: test[i])
    worse = min(fit[-1] / (1.2 * t.blind), fit[-1] / (2 * low), 9.0)
    lost = min(fit[-1] / (0.5 * t.blind), min(fit[-max(n // 5, 2) :]) / (4 * low))
    found["diverged"] = max(worse, lost)
    tail = late(fit)
    fall = (fit[0] - low) / fit[0]
    stood = min(0.03 / max(fall, 1e-3), low / (0.75 * t.blind))  # all that was learned in the first epoch is learned
    found["not-learning"] = max((1.0 + min(tail) / t.blind - 0.97) ** 10, stood)
    found["oscillating"] = max(swinging(fit, t.blind), swinging(test, t.blind))
    rose = min(test[-1] / (1.1 * test[where]), fit[where] / fit[-1])
    apart = min((test[-1] - fit[-1]) / (0.25 * t.blind), 0.25 * test[-1] / fit[-1])
    rose = min(rose, (test[-1] - test[where]) / (0.08 * t.blind))
    found["overfitting"] = max(rose if n - 1 - where >= 2 else 0.0, apart)
    reach = t.blind - min(best, 0.9 * t.blind)  # what the best run of the task got below guessing
    poor = min((1 - (t.blind - fit[-1]) / reach) / (1 - POOR), 1.2 * fit[-1] / test[-1])
    flat = abs(tail[-1] - tail[0]) / tail[0] / 0.02
    found["plateau"] = min(poor, 1 / max(flat, 0.05))
    share = (tail[0] - tail[-1]) / max(fit[0] - low, 1e-9)  # slowly falling is falling: a straight line has 0.4
    found["underfitting"] = min(poor, max(flat, share / 0.25))
    gain = (test[-1] - min(after)) / t.blind if after else 0.0
    found["still-improving"] = min(gain / 0.1, (1.3 * min(test) / test[-1]) ** 2)
    found["healthy"] = (t.blind - test[-1]) / reach / POOR
    return found


ORDER = ("diverged", "not-learning", "oscillating", "overfitting", "too-good", "still-improving", "plateau",
         "underfitting")  # fmt: skip
CLEAR = 1.15  # a definition met or missed by less than this factor is too close to call
FUTURE = 1.5  # the same of a gain that lies after the end of the log
BARELY = 0.1  # share of blind guessing: a stand that fell no further may as well be called not learning

# One run may well be two of these.
ALSO = ({"not-learning", "plateau", "underfitting", "oscillating"}, {"still-improving", "underfitting"},
        {"not-learning", "diverged"})  # fmt: skip


def measured(recipe, t, inside, best):
    """Return the states whose definitions the losses from inside meet, the first by ORDER leading, and if it is clear.

    Clear is a run that misses or meets each definition up to the leading one by more than a hair. A run that meets
    none is healthy if held-out data says so, else it has no state.
    """
    found = margins(recipe, t, inside, best)
    if recipe.spoil == "leak":
        test = [b for _, b in inside[: recipe.epochs]]  # a leak that helps slowly looks like an easy task
        found["too-good"] = min(0.006 * t.blind / test[-1], 0.024 * t.blind / min(test[: recipe.epochs // 3]))
    hazy = 1 / FUTURE < found.get("still-improving", 0.0) < FUTURE
    slow = hazy and found.get("underfitting", 0.0) >= CLEAR  # one takes nothing from the other
    met = [s for s in ORDER if found.get(s, 0.0) >= 1 or (slow and s == "still-improving")]
    end = inside[recipe.epochs - 1][0]
    if {"underfitting", "still-improving"} <= set(met) and (t.blind - end) / t.blind < 0.3:
        met.remove("still-improving")  # far from a fit and slow: more of the same is not what it needs first
        met.append("still-improving")
    before = ORDER[: ORDER.index(met[0]) + 1] if met else ORDER
    wide = {"still-improving": 1.0 if slow else FUTURE}
    clear = all(not 1 / wide.get(s, CLEAR) < found.get(s, 0.0) < wide.get(s, CLEAR) for s in before)
    if not met:
        sound = found["healthy"]
        return (("healthy",) if sound >= 1 else ()), clear and not 1 / CLEAR < sound < CLEAR
    if met[0] == "plateau" and end > (1 - BARELY) * t.blind:
        met.append("not-learning")
    if met[0] == "not-learning" and min(a for a, _ in inside[: recipe.epochs]) < (1 - BARELY) * t.blind:
        met.append("diverged")  # it had learned, and ends where guessing does
    return (met[0], *(s for s in met[1:] if any({s, met[0]} <= pair for pair in ALSO))), clear


def seeded(name, scenario, seed):
    """Return a generator for the choices of one run."""
    return random.Random(f"{name}/{scenario}/{seed}")
