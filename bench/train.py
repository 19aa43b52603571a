"""What `train` costs: its samples a second beside the plainest loops doing the same work, and its peak memory.

    aim: >= 0.98x the samples a second, <= 1.05x the memory

Each side trains a model of its own on the same pictures (Fashion-MNIST, if FASHION_MNIST names the folder of its idx
files, else random ones of that shape): normalised, cross entropy with label smoothing, AdamW, clipping by the global
norm, a rate per step. Blocks of steps of the sides follow each other; CPU seconds of the process are compared within
each round, and the median of the ratios is given with its quartiles. Sides:

    tensors   indexes the tensor by a permutation, with no loader at all: the least that can be written
    loader    a TensorDataset and a DataLoader, as tutorials have it
    fused     tensors with torch's fused AdamW, which torchladder takes, too: what is left is the loop's own cost
    train     torchladder's loop; what the monitor costs on top is measured by bench/overhead.py

    python bench/train.py [--rounds 40] [--write]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
RESULTS = ROOT / "bench" / "results"
SAMPLES, BATCH = 1280, 128  # an epoch is a block of 10 steps
WARM = 2  # blocks that are not counted
BESIDE = ("tensors", "loader", "fused")
# Of glibc, while speed is measured: it keeps what is freed, or page faults fall on one side or another by chance
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(1 << 32), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
MODELS = {"small_cnn": {"width": 32, "depth": 2}, "mlp": {"width": 256, "depth": 2}}


def pictures() -> tuple[Any, Any]:
    """Return uint8 pictures and their classes."""
    import torch

    folder = os.environ.get("FASHION_MNIST")
    if folder is None:
        made = torch.Generator().manual_seed(0)
        x = torch.randint(0, 256, (SAMPLES, 1, 28, 28), dtype=torch.uint8, generator=made)
        return x, torch.randint(0, 10, (SAMPLES,), generator=made)
    from torchladder.sets.open import open_set
    from torchladder.sets.source import Columns

    source = dict(open_set(folder, Columns()))["train"]
    block = next(source.blocks(0, SAMPLES))
    x = torch.stack([torch.from_numpy(p.copy()).permute(2, 0, 1) for p in block.images])
    return x[:SAMPLES], torch.from_numpy(block.labels[:SAMPLES].astype("int64"))


def recipe(model: str) -> Any:
    from torchladder.training.recipe import Model, Recipe, Training

    return Recipe(model=Model(name=model, **MODELS[model]), training=Training(epochs=1000, batch_size=BATCH))


class Ours:
    """torchladder's loop, an epoch a block."""

    def __init__(self, model: str) -> None:
        import numpy as np

        from torchladder.sets.block import Kind
        from torchladder.training.loop import Loop
        from torchladder.training.machine import machine
        from torchladder.training.models import Shape
        from torchladder.training.parts import parts_of
        from torchladder.training.pictures import Look, Pictures
        from torchladder.training.place import Listener
        from torchladder.training.sets_ready import Ready
        from torchladder.training.targets import Targets

        x, y = pictures()
        samples = Pictures(x, y.numpy(), range(len(y)), Look((28, 28), 1, (0.286,), (0.353,)))
        classes = Targets(tuple(map(str, range(10))))
        shape = Shape(Kind.IMAGES, (1, 28, 28), 10)
        ready = Ready(samples, samples, None, classes, shape, np.bincount(y, minlength=10), [])
        made = recipe(model)
        self.loop = Loop(made, ready, parts_of(made, ready), machine(made.training), None, Listener())

    def block(self) -> None:
        self.loop.steps()
        self.loop.place.epoch, self.loop.place.batch = self.loop.place.epoch + 1, 0


class Plain:
    """A loop as anybody writes it, an epoch a block."""

    def __init__(self, model: str, *, loader: bool = False, fused: bool = False) -> None:
        import torch

        self.x, self.y = pictures()
        options = MODELS[model]
        from torchladder.training import small

        if model == "mlp":
            self.model: Any = small.Perceptron(784, 10, options["width"], options["depth"], 0.0)
        else:
            self.model = small.SmallCnn(1, 10, options["width"], options["depth"], 0.0)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.001, weight_decay=0.05, fused=fused)
        total = 1000 * SAMPLES // BATCH
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, total)
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        self.loader = None
        if loader:
            data = torch.utils.data.TensorDataset(self.x, self.y)
            self.loader = torch.utils.data.DataLoader(data, BATCH, shuffle=True)

    def batches(self) -> Iterator[Any]:
        import torch

        if self.loader is not None:
            yield from self.loader
            return
        order = torch.randperm(len(self.x))
        for i in range(0, len(order), BATCH):
            at = order[i : i + BATCH]
            yield self.x[at], self.y[at]

    def block(self) -> None:
        import torch

        self.model.train()
        total = torch.zeros(())
        for pixels, y in self.batches():
            loss = self.loss(self.model((pixels.float() / 255 - 0.286) / 0.353), y)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            total += loss.detach()


SIDES: dict[str, Callable[[str], Any]] = {
    "tensors": Plain,
    "loader": lambda model: Plain(model, loader=True),
    "fused": lambda model: Plain(model, fused=True),
    "train": Ours,
}


def speeds(model: str, rounds: int) -> dict[str, Any]:
    """Return samples per CPU second of each side, and the ratios of "train" to the plain ones within rounds."""
    jobs = {name: make(model) for name, make in SIDES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    for number in range(WARM + rounds):
        names = list(SIDES)
        for name in names if number % 2 else names[::-1]:
            began = time.process_time()
            jobs[name].block()
            spent = time.process_time() - began
            if number >= WARM:
                seconds[name].append(spent)
    found: dict[str, Any] = {"samples_a_second": {n: SAMPLES / statistics.median(s) for n, s in seconds.items()}}
    for base in BESIDE:
        ratios = [b / s for b, s in zip(seconds[base], seconds["train"], strict=True)]
        found[f"beside_{base}"] = [round(q, 4) for q in statistics.quantiles(ratios, n=4)]
    return found


def apart(*words: str, **environment: str) -> Any:
    """Return what a process of its own measures: ``--speeds MODEL``, or ``--peak MODEL SIDE``."""
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


def peak(model: str, side: str) -> int:
    """Return the peak memory of this process after three blocks, in kilobytes."""
    job = SIDES[side](model)
    for _ in range(3):
        job.block()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def page(found: dict[str, Any]) -> str:
    out = ["# `train` beside plain loops", "", f"Fashion-MNIST shapes, batches of {BATCH}, one core; "
           "ratios of CPU time within rounds, median [quartiles]; memory is a process's peak.", "",
           "| model | samples/s: tensors, loader, fused, train | train : tensors | train : loader | train : fused | "
           "memory train : tensors |", "|---|---|---|---|---|---|"]  # fmt: skip
    for model, row in found.items():
        rates = ", ".join(f"{v:,.0f}" for v in row["samples_a_second"].values())
        shown = " | ".join("{1:.3f} [{0:.3f}, {2:.3f}]".format(*row[f"beside_{base}"]) for base in BESIDE)
        out.append(f"| {model} | {rates} | {shown} | {row['memory']['train'] / row['memory']['tensors']:.3f} |")
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--write", action="store_true", help="write bench/results/train.md and .json")
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "SIDE"), help=argparse.SUPPRESS)
    parser.add_argument("--speeds", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak or options.speeds:
        print(json.dumps(peak(*options.peak) if options.peak else speeds(options.speeds, options.rounds)))
        return
    found = {}
    for model in MODELS:
        found[model] = apart("--speeds", model, "--rounds", str(options.rounds), **ALLOCATOR)
        found[model]["memory"] = {side: apart("--peak", model, side) for side in ("tensors", "train")}
    print(page(found))
    if options.write:
        (RESULTS / "train.md").write_text(page(found))
        (RESULTS / "train.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
