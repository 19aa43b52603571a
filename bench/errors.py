"""Which bucket of mistakes leads when a cause is planted: Fashion-MNIST, a small CNN, real predictions.

usage: python bench/errors.py FOLDER [--out bench/results/errors.md] [--quick]

FOLDER holds the four idx files of Fashion-MNIST, packed or not. Each plant is made on test pictures, test labels,
training pictures or the decision; the analysis gets predictions and data, and is right when the planted bucket comes
first. Without a plant the confusions of shirts must lead.
"""

import argparse
import gzip
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from torchladder.mistakes.analysis import Analysis, analyse
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.reading import read

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")
TRAIN, TEST, EPOCHS = 20_000, 10_000, 3
SHIRTS = {"Shirt", "T-shirt/top", "Pullover"}


@dataclass
class Case:
    """Predictions with a cause planted; ``kind`` and ``word`` tell the bucket that must lead."""

    name: str
    kind: str
    word: str
    output: np.ndarray
    target: np.ndarray
    pictures: np.ndarray
    train: tuple[np.ndarray, np.ndarray] | None = None
    classes: tuple[str, ...] = CLASSES
    prediction: np.ndarray | None = None
    group: np.ndarray | None = None


def idx(folder: Path, name: str) -> np.ndarray:
    file = next(p for p in sorted(folder.glob(f"{name}*")) if p.is_file())
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape).copy()


def fitted(x: np.ndarray, y: np.ndarray, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(32 * 49, 10),
    )  # fmt: skip
    inputs, labels = torch.tensor(x).float().unsqueeze(1) / 255, torch.tensor(y).long()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    steps = EPOCHS * -(-len(labels) // 64)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def outputs(net: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        parts = [net(torch.tensor(x[i : i + 500]).float().unsqueeze(1) / 255) for i in range(0, len(x), 500)]
    return torch.cat(parts).numpy()


def cases(folder: Path, seed: int, *, quick: bool) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    rows, held = rng.permutation(60_000)[:TRAIN], rng.permutation(10_000)[:TEST]
    x, y = idx(folder, "train-images")[rows], idx(folder, "train-labels")[rows]
    xt, yt = idx(folder, "t10k-images")[held], idx(folder, "t10k-labels")[held].astype(np.int64)
    net = fitted(x, y, seed)
    out = outputs(net, xt)
    yield Case("nothing planted", "pair", "Shirt", out, yt, xt)
    for sigma in (3.0,) if quick else (2.0, 3.0, 4.0):
        blurred, some = xt.copy(), rng.random(TEST) < 0.1
        blurred[some] = np.stack([gaussian_filter(p.astype(float), sigma) for p in xt[some]]).round().astype(np.uint8)
        name = f"10 % of pictures blurred (sigma {sigma:g})"
        yield Case(name, "property", "sharpness", outputs(net, blurred), yt, blurred)
    for share in (0.1,) if quick else (0.05, 0.1, 0.2):
        noisy, some = yt.copy(), rng.random(TEST) < share
        noisy[some] = (yt[some] + rng.integers(1, 10, some.sum())) % 10
        yield Case(f"{share:.0%} of labels wrong", "label", "labels", out, noisy, xt)
    dark, site = xt.copy(), rng.random(TEST) < 0.1
    dark[site] = 255 - dark[site]
    groups = np.where(site, "site B", "site A")
    yield Case("10 % from a site with inverted pictures", "group", "site B", outputs(net, dark), yt, dark, group=groups)
    for kept in (20,) if quick else (10, 20):
        few = np.concatenate([np.flatnonzero(y != 8), np.flatnonzero(y == 8)[:kept]])
        poor = fitted(x[few], y[few], seed)
        name = f"class Bag with {kept} training pictures"
        yield Case(name, "rare class", "Bag", outputs(poor, xt), yt, xt, (x[few], y[few]))
    two = np.isin(yt, (2, 4))
    logit = out[two][:, 4] - out[two][:, 2]
    for mark in (3.0,) if quick else (2.0, 3.0):
        answer = (logit > mark).astype(np.int64)
        pair = (yt[two] == 4).astype(np.int64)
        yield Case(
            f"Coat or Pullover, decided at a logit of {mark:g}", "threshold", "threshold", logit, pair, xt[two],
            classes=("Pullover", "Coat"), prediction=answer,
        )  # fmt: skip
    copied, labels = xt.copy(), yt.copy()
    first, second = rng.permutation(TEST)[:1200].reshape(2, -1)
    copied[second] = np.clip(xt[first].astype(float) * 0.9 + 10, 0, 255).astype(np.uint8)
    labels[second] = (yt[first] + rng.integers(1, 10, 600)) % 10
    yield Case("600 copies with other labels", "copies", "copies", outputs(net, copied), labels, copied)


def analysed(case: Case, folder: Path) -> tuple[Analysis, float]:
    held = {"x_test": case.pictures, "y_test": case.target.astype(np.uint8)}
    train = {"x_train": case.train[0], "y_train": case.train[1]} if case.train is not None else {}
    np.savez(folder / "data.npz", **held, **train)
    more = {} if case.prediction is None else {"prediction": case.prediction}
    if case.group is not None:
        more["group"] = case.group
    np.savez(folder / "predictions.npz", output=case.output, target=case.target, classes=np.array(case.classes), **more)
    started = time.monotonic()
    p = read(folder / "predictions.npz", Asked())
    found = analyse(p, data=str(folder / "data.npz"), folder=folder, seed=0, sample=100)
    return found, time.monotonic() - started


def row(case: Case, found: Analysis, seconds: float) -> tuple[bool, str]:
    lead = found.counting[0].bucket if found.counting else None
    right = lead is not None and lead.kind == case.kind and case.word in lead.name
    if case.kind == "pair" and lead is not None:
        right = lead.kind == "pair" and len(SHIRTS & set((lead.extra or {}).get("pair", ()))) == 2
    n = len(found.predictions)
    shown = "-" if lead is None else f"{lead.name}: {lead.count} mistakes, {100 * lead.beyond / n:.2f} points beyond"
    second = found.counting[1].bucket if len(found.counting) > 1 else None
    after = "-" if second is None else f"{second.name}, {100 * second.beyond / n:.2f}"
    accuracy = f"{found.figures['accuracy']:.1%}"
    return right, f"| {case.name} | {accuracy} | {shown} | {after} | {'yes' if right else '**no**'} | {seconds:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines, right, total = [], 0, 0
    for seed in options.seeds[: 1 if options.quick else None]:
        for case in cases(options.folder, seed, quick=options.quick):
            with tempfile.TemporaryDirectory() as folder:
                ok, line = row(case, *analysed(case, Path(folder)))
            right, total = right + ok, total + 1
            lines.append(f"| {seed} {line}")
            print(line, flush=True)
    head = [
        "# Buckets of mistakes: does the planted cause lead?",
        "",
        f"Fashion-MNIST, {TRAIN:,} training and {TEST:,} test pictures drawn anew for each seed, a CNN of two layers,",
        f"{EPOCHS} epochs. `python bench/errors.py FOLDER`; seconds are those of the analysis, on one core.",
        "",
        "Seeds 0 and 1 were looked at while it was decided which bucket yields to which; seed 2 was run once, later.",
        "With 40 pictures of a class, its mistakes are fewer than those of shirts: that was tried and is no case.",
        "",
        f"The planted cause is the largest bucket in {right} of {total}.",
        "",
        "| seed | planted | accuracy | largest bucket | next, points beyond | leads | s |",
        "|---|---|---|---|---|---|---|",
    ]
    if options.out:
        options.out.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    print(f"{right} of {total}")


if __name__ == "__main__":
    main()
