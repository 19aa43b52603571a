"""Processor seconds to a fixed held-out accuracy: `train`, fastai and Lightning, each by its stock recipe.

The same 10,000 pictures of Fashion-MNIST to learn from (FASHION_MNIST names the folder of its idx files) and the same
2,000 held out, the same network (a perceptron of two layers of 256), batches of 64, ten epochs, one core. Recipes:

    torchladder   its defaults: AdamW 0.001, warm-up into cosine, label smoothing 0.1, clipping; watched, checkpoints
    fastai        Learner(...).fit_one_cycle(10), all else as it comes
    lightning     Trainer(max_epochs=10), Adam 0.001 as in its own first tutorial; logger and checkpoints as they come

Each library's own loop validates after each epoch. Counted are all seconds of the process from the first step to the
validation at which the accuracy is first reached, none for imports, reading data and making the model; pictures are
normalised floats beforehand for the other two. Every side is a process of its own, the seeds follow each other.

    python bench/train_accuracy.py [--seeds 3] [--write]       an interpreter with fastai and lightning
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "bench"))
RESULTS = ROOT / "bench" / "results"
LEARNT, HELD, BATCH, EPOCHS = 10_000, 2_000, 64, 10
GOALS = (0.82, 0.84, 0.86)
Rows = list[tuple[float, float]]  # processor seconds and held-out accuracy after each epoch


class Clock:
    """Processor seconds since training began, beside the accuracy after each epoch."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.began = time.process_time()

    def start(self) -> None:
        self.rows.clear()
        self.began = time.process_time()

    def reached(self, accuracy: float) -> None:
        self.rows.append((time.process_time() - self.began, accuracy))


def sides() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return pictures and classes of both sides."""
    import numpy as np
    from ablation import pictures

    x, y = pictures()
    order = np.random.default_rng(0).permutation(len(x))
    learnt, held = order[:LEARNT], order[LEARNT : LEARNT + HELD]
    return (x[learnt], y[learnt]), (x[held], y[held])


def prepared() -> tuple[Any, Any, Any]:
    """Return both sides as data sets of normalised floats, and the network."""
    import torch

    from torchladder.training.small import Perceptron

    raw = [(torch.tensor(x).permute(0, 3, 1, 2).float() / 255, torch.tensor(y)) for x, y in sides()]
    mean, std = raw[0][0].mean(), raw[0][0].std()
    return *(torch.utils.data.TensorDataset((x - mean) / std, y) for x, y in raw), Perceptron(784, 10, 256, 2, 0.0)


def by_torchladder(seed: int, clock: Clock) -> None:
    import contextlib

    import numpy as np

    from torchladder.training.recipe import Data, Model, Recipe, Training
    from torchladder.training.show import Quiet
    from torchladder.training.train import Options, train

    class Timed(Quiet):
        def running(self, loop: Any) -> Any:
            del loop
            clock.start()
            return contextlib.nullcontext()

        def epoch(self, place: Any, row: dict[str, float]) -> None:
            del place
            clock.reached(row["val/accuracy"])

    for name, (x, y) in zip(("train", "val"), sides(), strict=True):
        np.savez(f"{name}.npz", x=x, y=y)
    recipe = Recipe(
        seed=seed,
        data=Data(train="train.npz", val="val.npz"),
        model=Model(name="mlp", width=256, depth=2),
        training=Training(epochs=EPOCHS, batch_size=BATCH),
    )
    train(recipe, Options(runs=Path("runs"), show=Timed()))


def by_fastai(seed: int, clock: Clock) -> None:
    from fastai.vision.all import Callback, CrossEntropyLossFlat, DataLoaders, Learner, accuracy, set_seed

    class Timed(Callback):
        order = 60  # after Recorder, which computes the metrics

        def before_fit(self) -> None:
            clock.start()

        def after_epoch(self) -> None:
            clock.reached(float(self.learn.recorder.values[-1][-1]))

    set_seed(seed)
    learnt, held, model = prepared()
    loaders = DataLoaders.from_dsets(learnt, held, bs=BATCH, num_workers=0, device="cpu")
    learner = Learner(loaders, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy, cbs=Timed())
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(EPOCHS)


def by_lightning(seed: int, clock: Clock) -> None:
    import lightning
    import torch
    from torch.nn.functional import cross_entropy

    class Classifier(lightning.LightningModule):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model
            self.right = self.seen = 0

        def training_step(self, batch: Any, _index: int) -> Any:
            x, y = batch
            loss = cross_entropy(self.model(x), y)
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, _index: int) -> None:
            x, y = batch
            outputs = self.model(x)
            self.log("val_loss", cross_entropy(outputs, y))
            self.right += int((outputs.argmax(1) == y).sum())
            self.seen += len(y)

        def on_train_start(self) -> None:
            clock.start()

        def on_validation_epoch_end(self) -> None:
            if not self.trainer.sanity_checking:
                clock.reached(self.right / self.seen)
            self.right = self.seen = 0

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    lightning.seed_everything(seed, verbose=False)
    learnt, held, model = prepared()
    loaders = [torch.utils.data.DataLoader(d, BATCH, shuffle=d is learnt) for d in (learnt, held)]
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False
    )
    trainer.fit(Classifier(model), *loaders)


SIDES: dict[str, Callable[[int, Clock], None]] = {
    "torchladder": by_torchladder,
    "fastai": by_fastai,
    "lightning": by_lightning,
}


def one(side: str, seed: int) -> Rows:
    """Return what a process of its own measures."""
    command = [sys.executable, str(Path(__file__).resolve()), "--side", side, "--seed", str(seed)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        sys.exit(f"{side}, seed {seed}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def seconds_to(rows: Rows, goal: float) -> float | None:
    return next((seconds for seconds, accuracy in rows if accuracy >= goal), None)


def told(times: list[float | None]) -> str:
    """Return the median of the seeds, where most come so far; one that does not counts as slower than any."""
    reached = sorted(t for t in times if t is not None)
    middle = len(times) // 2
    if len(reached) <= middle:
        return f"{len(reached)} of {len(times)}"
    some = f" ({len(reached)} of {len(times)})" if len(reached) < len(times) else ""
    return f"{reached[middle]:.1f} s{some}"


def page(found: dict[str, list[Rows]]) -> str:
    goals = " | ".join(f"to {goal:.0%}" for goal in GOALS)
    seeds = len(next(iter(found.values())))
    out = ["# Processor seconds to a held-out accuracy", "",
           f"Fashion-MNIST, {LEARNT:,} to learn from, {HELD:,} held out, a perceptron of two layers of 256, batches of "
           f"{BATCH}, {EPOCHS} epochs, one core; each library by its stock recipe (`bench/train_accuracy.py`). "
           f"Median of {seeds} seeds, seen after whole epochs; in brackets the seeds that came so far.", "",
           f"| | {goals} | an epoch | accuracy after {EPOCHS} epochs, by seed |",
           "|---" * (len(GOALS) + 3) + "|"]  # fmt: skip
    for side, runs in found.items():
        times = " | ".join(told([seconds_to(rows, goal) for rows in runs]) for goal in GOALS)
        epoch = statistics.median(rows[-1][0] / len(rows) for rows in runs)
        last = ", ".join(f"{rows[-1][1]:.4f}" for rows in runs)
        out.append(f"| {side} | {times} | {epoch:.1f} s | {last} |")
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write bench/results/train_accuracy.md and .json")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        clock = Clock()
        SIDES[options.side](options.seed, clock)
        print(json.dumps(clock.rows))
        return
    if "FASHION_MNIST" not in os.environ:
        sys.exit("FASHION_MNIST is to name the folder of Fashion-MNIST's idx files")
    there = [side for side in SIDES if importlib.util.find_spec(side) is not None]
    found: dict[str, list[Rows]] = {side: [] for side in there}
    for seed in range(options.seeds):
        for side in there:
            found[side].append(one(side, seed))
            print(side, seed, [(round(s, 1), round(a, 4)) for s, a in found[side][-1]], file=sys.stderr)
    print(page(found))
    if options.write:
        (RESULTS / "train_accuracy.md").write_text(page(found), encoding="utf-8")
        (RESULTS / "train_accuracy.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
