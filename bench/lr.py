"""Regret of learning-rate suggestions: the validation loss they end in, against the best of a grid of half decades.

Every problem is a small program with loops of its own (bench/lr_problems). ``torchladder lr`` is run on the program as
a user would run it, at a rate of its own that is far off. The peers get model, loss, loader and optimizer:

    torch-lr-finder     the installed package where there is one, else its published formula (steepest gradient of the
                        smoothed curve, ends cut off); said in the table
    Lightning           the installed package, ``Tuner.lr_find`` with its defaults
    fastai              its published formulas (callback/schedule.py: minimum, steep, valley, slide) on a sweep of
                        100 steps from 1e-7 to 10, smoothed with 0.98 and stopped at 4x the best, as ``lr_find`` does

What is measured replaces its rows in bench/results/lr.json, from which bench/results/lr.md is written.

    python bench/lr.py                           all problems, three seeds
    python bench/lr.py --only cnn --seeds 1 --budget 60
    python bench/lr.py --ours                    the verb alone: grids and peers do not change with it
"""

import argparse
import contextlib
import functools
import importlib
import io
import json
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
PROBLEMS = ("tabular", "cnn", "transformer", "finetune", "mlp")
GRID = [10 ** (k / 2) for k in range(-12, 1)]
OURS = "torchladder lr"


def ours(name, seed, budget):
    """Run the verb; returns the suggestion (None when refused), words about it, and seconds."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "torchladder", "lr", "-q", "--budget", str(budget), "--json", str(file)]
        subprocess.run([*command, f"{name}.py", "--seed", str(seed)], cwd=Path.cwd(), check=False)
        figures = json.loads(file.read_text())["rungs"][0]["facts"]
    seconds = time.monotonic() - started
    if figures["suggestion"] is not None:
        return [figures["suggestion"]], figures["rule"], seconds
    if figures["refused"] is None:
        return [figures["low"], figures["high"]], f"a range: {figures['low']:.2g} to {figures['high']:.2g}", seconds
    return [], f"refused: {figures['refused']}", seconds


def steps(problem, seed, start, end, count):
    """Yield rate and raw loss of a sweep as peers make it: the loss before the step at that rate."""
    model, loss_fn, loader, _ = problem.build(seed)
    optimizer = problem.make_optimizer(model, start)
    batches = iter(loader)
    for i in range(count):
        lr = start * (end / start) ** (i / (count - 1))
        for group in optimizer.param_groups:
            group["lr"] = lr
        try:
            x, y = next(batches)
        except StopIteration:
            batches = iter(loader)
            x, y = next(batches)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield lr, float(loss)


def fastai(problem, seed):
    """Return fastai's four suggestions, its formulas written out."""
    import numpy as np

    lrs, losses, average, best = [], [], 0.0, math.inf
    for i, (lr, loss) in enumerate(steps(problem, seed, 1e-7, 10.0, 100), start=1):
        average = 0.98 * average + 0.02 * loss
        smooth = average / (1 - 0.98**i)
        lrs.append(lr)
        losses.append(smooth)
        best = min(best, smooth)
        if smooth > 4 * best:
            break
    lrs, losses = np.array(lrs[10:-5]), np.array(losses[10:-5])
    n = int(np.argmax(np.isnan(losses))) if np.isnan(losses).any() else len(losses)
    lrs, losses = lrs[:n], losses[:n]
    grads = np.diff(losses) / np.diff(np.log(lrs))
    lds, max_start, max_end = [1] * n, 0, 0
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and lds[i] < lds[j] + 1:
                lds[i] = lds[j] + 1
            if lds[max_end] < lds[i]:
                max_end = i
                max_start = max_end - lds[max_end]
    third = (max_end - max_start) / 3
    gradient = np.gradient(losses)
    right, left = -1, -16
    slide = lrs[left]
    while left >= -n and abs(gradient[right] - gradient[left]) > 0.005:
        slide = lrs[left]
        right, left = right - 1, left - 1
    return {
        "fastai/minimum": float(lrs[losses.argmin()]) / 10,
        "fastai/steep": float(lrs[grads.argmin()]),
        "fastai/valley": float(lrs[max_start + int(third) + int(third / 2)]),
        "fastai/slide": float(slide),
    }


def torch_lr_finder(problem, seed):
    """Return torch-lr-finder's suggestion: its own sweep where it is installed."""
    import numpy as np

    try:
        from torch_lr_finder import LRFinder
    except ImportError:
        lrs, losses = [], []
        for lr, raw in steps(problem, seed, 1e-7, 10.0, 100):
            losses.append(0.05 * raw + 0.95 * losses[-1] if losses else raw)
            lrs.append(lr)
            if losses[-1] > 5 * min(losses):
                break
        name = "torch-lr-finder (formula)"
    else:
        model, loss_fn, loader, _ = problem.build(seed)
        finder = LRFinder(model, problem.make_optimizer(model, 1e-7), loss_fn, device="cpu")
        finder.range_test(loader, end_lr=10, num_iter=100)
        lrs, losses = finder.history["lr"], finder.history["loss"]
        name = "torch-lr-finder"
    lrs, losses = lrs[10:-5], losses[10:-5]
    return {name: lrs[int(np.gradient(np.array(losses)).argmin())] if len(losses) > 1 else None}


def lightning(problem, seed):
    """Return Lightning's suggestion."""
    import lightning as L  # noqa: N812
    from lightning.pytorch.tuner import Tuner

    model, loss_fn, loader, _ = problem.build(seed)

    class Module(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.lr, self.model = 1e-4, model

        def training_step(self, batch, _):
            return loss_fn(self.model(batch[0]), batch[1])

        def configure_optimizers(self):
            return problem.make_optimizer(self.model, self.lr)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = L.Trainer(max_epochs=10_000, **quiet)
    found = Tuner(trainer).lr_find(Module(), loader, num_training=100)
    return {"Lightning": found.suggestion() if found is not None else None}


def peers(problem, seed):
    """Return every peer's suggestion, None where it gives none or fails, and its seconds."""
    found, seconds = {}, {}
    for tool in (torch_lr_finder, lightning, fastai):
        started = time.monotonic()
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                with contextlib.redirect_stderr(io.StringIO()):
                    mine = tool(problem, seed)
        except Exception as error:
            print(f"  {tool.__name__} failed: {type(error).__name__}: {error}")
            mine = {tool.__name__: None}
        found |= mine
        seconds |= dict.fromkeys(mine, time.monotonic() - started)
    return found, seconds


def bench(name, seed, budget, known):
    """Return the rows (tool, seed, suggestions, regret, words, seconds) of one problem and seed, and its grid's best.

    Where that best is ``known``, the grid and the peers are left as they are.
    """
    problem = importlib.import_module(name)
    if hasattr(problem, "pretrain"):
        problem.pretrain(seed)

    @functools.cache
    def loss_at(lr):
        value = problem.train(lr, seed)
        return value if math.isfinite(value) else math.inf

    if known is None:
        best = min(GRID, key=loss_at)
        lowest = loss_at(best)
    else:
        best, lowest = known
    rows = []
    suggestions, words, spent = ours(name, seed, budget)
    # of a range everything must be good: its worse end counts
    regret = max((loss_at(lr) for lr in suggestions), default=math.nan) - lowest
    rows.append((OURS, seed, suggestions, regret, words, spent))
    print(
        f"{name} seed {seed}: grid {best:.2g} {lowest:.4f}; ours {suggestions} {regret:+.4f} {words} {spent:.1f} s",
        flush=True,
    )
    if known is not None:
        return rows, known
    found, seconds = peers(problem, seed)
    for tool, lr in found.items():
        regret = loss_at(lr) - lowest if lr else math.nan
        rows.append((tool, seed, [lr] if lr else [], regret, "" if lr else "no suggestion", seconds[tool]))
        print(f"  {tool}: {lr} {regret:+.4f}", flush=True)
    return rows, (best, lowest)


def keep(file, name, seed, rows, best):
    """Put the rows of one problem and seed in the place of former ones; returns everything that is known."""
    done = read(file)
    former, grids = done.setdefault(name, {"rows": [], "grids": {}}).values()
    for row in rows:
        at = next((i for i, r in enumerate(former) if r[:2] == list(row[:2])), len(former))
        former[at : at + 1] = [list(row)]
    grids[str(seed)] = list(best)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(done, indent=1) + "\n")
    return {p: done[p] for p in PROBLEMS if p in done}


def read(file):
    """Return what former runs measured: problem -> its rows and the best of its grids by seed."""
    return json.loads(file.read_text()) if file.exists() else {}


def table(name, rows, grids):
    """Return a problem's rows as Markdown."""
    best = ", ".join(f"{lr:.2g} ({loss:.4f})" for lr, loss in grids.values())
    lines = [f"## {name}", "", f"Best of the grid, by seed: {best}.", ""]
    lines += [
        "| tool | suggested, by seed | regret | median | worst | none given | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool in dict.fromkeys(r[0] for r in rows):
        mine = [r for r in rows if r[0] == tool]
        said = ", ".join("-".join(f"{x:.2g}" for x in r[2]) or "none" for r in mine)
        regrets = [r[3] for r in mine if not math.isnan(r[3])]
        shown = ", ".join("-" if math.isnan(r[3]) else f"{r[3]:+.4f}" for r in mine)
        median = f"{statistics.median(regrets):+.4f}" if regrets else "-"
        worst = f"{max(regrets):+.4f}" if regrets else "-"
        seconds = statistics.median(r[5] for r in mine)
        lines.append(f"| {tool} | {said} | {shown} | {median} | {worst} | {len(mine) - len(regrets)} | {seconds:.1f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=PROBLEMS, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=120.0, help="seconds given to torchladder lr")
    parser.add_argument("--ours", action="store_true", help="measure torchladder alone, keep the grids and the peers")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "lr.md")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE / "lr_problems"))
    import torch

    torch.set_num_threads(1)
    chosen = options.only or PROBLEMS
    options.out = options.out.resolve()
    store = options.out.with_suffix(".json")
    with tempfile.TemporaryDirectory() as folder:
        for name in PROBLEMS:  # the verb runs them in a folder of their own
            Path(folder, f"{name}.py").write_text((HERE / "lr_problems" / f"{name}.py").read_text())
        os.chdir(folder)
        for seed in range(options.seeds):  # a run that is cut short has every problem
            for name in chosen:
                known = read(store).get(name, {"grids": {}})["grids"].get(str(seed)) if options.ours else None
                write(options, keep(store, name, seed, *bench(name, seed, options.budget, known)), torch.__version__)
    print(options.out.read_text())


def write(options, done, version):
    """Write what is known so far."""
    lines = ["# Learning-rate suggestions: regret", "", *__doc__.strip().split("\n\n")[0].splitlines(), ""]
    lines += [f"`{OURS} --budget {options.budget:g}`, torch {version}, one core shared with other work.", ""]
    lines += ["Where a range is given, the regret is that of its worse end.", ""]
    for name, known in done.items():
        lines += [*table(name, known["rows"], known["grids"]), ""]
    everything = [row for known in done.values() for row in known["rows"]]
    lines += ["## All problems", "", "| tool | median regret | worst | none given |", "|---|---|---|---|"]
    for tool in dict.fromkeys(r[0] for r in everything):
        mine = [r[3] for r in everything if r[0] == tool]
        known = [v for v in mine if not math.isnan(v)]
        middle = f"{statistics.median(known):+.4f} | {max(known):+.4f}" if known else "- | -"
        lines.append(f"| {tool} | {middle} | {len(mine) - len(known)} of {len(mine)} |")
    options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
