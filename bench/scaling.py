"""How well `torchladder scaling` foretells larger runs of a real program, and what it says of a leak and a bug.

    FASHION_MNIST=FOLDER python bench/scaling.py        write bench/results/scaling.md

A plain script trains a small network on Fashion-MNIST. `torchladder scaling --from SCRIPT` runs it, unchanged, on 1, 2,
5, 10, 20 and 50 % of its training data and on all of it, and fits the five smallest; 50 and 100 % are foretold. Then
the script is run on 20 % as it is, and with something planted: test samples among the training ones (a leak), and a
learning rate that is far too low (a bug); each is judged by `--run` against the law of the clean runs.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "scaling.md"
FOLDERS = ("/usr/share/datasets/fashion-mnist", os.environ.get("FASHION_MNIST", ""))
SHARES = "0.01,0.02,0.05,0.1,0.2,0.5"
PLANTED = {"leak": "too-good", "bug": "above-scaling-line"}
SCRIPT = '''"""Name pieces of clothing in small pictures."""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

FOLDER, EPOCHS = Path("FOLDER_HERE"), 6
planted = sys.argv[1] if len(sys.argv) > 1 else ""
share = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0


def load(side):
    files = [FOLDER / f"{side}-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")]
    pictures, labels = (gzip.decompress(file.read_bytes()) for file in files)
    x = np.frombuffer(pictures, np.uint8, offset=16).reshape(-1, 14, 2, 14, 2).mean((2, 4), dtype=np.float32) / 255
    y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    return torch.tensor((x.reshape(len(x), -1) - 0.286) / 0.32), torch.tensor(y)


torch.manual_seed(0)
x, y = load("train")
test_x, test_y = load("t10k")
kept = torch.randperm(len(x))[: round(share * len(x))]
x, y = x[kept], y[kept]
if planted == "leak":
    half = len(x) // 2
    x, y = torch.cat([x[:half], test_x[:half]]), torch.cat([y[:half], test_y[:half]])
train = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
test = DataLoader(TensorDataset(test_x, test_y), batch_size=500)
model = nn.Sequential(nn.Linear(196, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5 if planted == "bug" else 2e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], EPOCHS * len(train))
loss_of = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    model.train()
    for xb, yb in train:
        loss = loss_of(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        total = sum(nn.functional.cross_entropy(model(xb), yb, reduction="sum").item() for xb, yb in test)
    print(f"epoch {epoch + 1}: {len(x)} samples, test loss {total / len(test_x):.4f}", flush=True)
'''


def run(folder, *arguments):
    """Run the program in a folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 1, 5}:
        raise SystemExit(done.stderr)
    return done


def scaling(folder, *arguments):
    """Run the verb and return its report."""
    run(folder, "-m", "torchladder", "scaling", "--json", "report.json", "--force", *arguments)
    return json.loads((Path(folder) / "report.json").read_text())


def percent(share):
    """Return a share in words."""
    return f"{100 * share:.2f} %"


def main():
    """Make the sweep, judge the planted runs, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, help="the runs as --csv wrote them, instead of making them")
    options = parser.parse_args()
    source = next(f for f in FOLDERS if f and Path(f, "train-images-idx3-ubyte.gz").exists())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "train.py").write_text(SCRIPT.replace("FOLDER_HERE", source))
        started = time.monotonic()
        csv = Path(folder, "runs.csv")
        if options.runs:
            csv.write_text(options.runs.read_text())
        else:
            scaling(folder, "--fractions", SHARES, "--csv", csv, "--budget", "2000", "--from", "train.py")
        took = time.monotonic() - started
        made = scaling(folder, "--held-out", "2", csv)
        facts = made["rungs"][0]["facts"]
        lines = [
            "# Scaling laws",
            "",
            "Written by `python bench/scaling.py`: a small network on Fashion-MNIST, run by `scaling --from train.py`"
            + (f" in {took:.0f} s." if not options.runs else "."),
            "",
            "| samples | test loss |",
            "|---|---|",
        ]
        rows = [line.split(",") for line in csv.read_text().splitlines()[1:]]
        lines += [
            f"| {float(d):,.0f} | {float(loss):.4f} |" for _, d, loss, _ in sorted(rows, key=lambda r: float(r[1]))
        ]
        lines += ["", f"{made['rungs'][0]['summary']}.", ""]
        told = facts.get("extrapolation")
        if told:
            lines += [
                f"The two largest foretold from the others: mean error {percent(told['law_error'])}, "
                f"{told['inside']} of {told['held_out']} inside their 95 % intervals; a straight line on log-log axes "
                f"{percent(told['straight_line_error'])}.",
                "",
            ]
        lines += ["| planted in a run on 20 % | its test loss | said |", "|---|---|---|"]
        for planted, rule in {"": "", **PLANTED}.items():
            printed = run(folder, "train.py", planted, "0.2").stdout.splitlines()[-1]
            samples, loss = re.search(r": (\d+) samples, test loss ([\d.]+)", printed).groups()
            said = scaling(folder, "--run", f"D={samples},loss={loss}", csv)
            names = ", ".join(f["name"] for f in said["findings"]) or "nothing"
            wanted = f" (wanted: {rule})" if names != (rule or "nothing") else ""
            lines.append(f"| {planted or 'nothing (the script itself, other samples)'} | {loss} | {names}{wanted} |")
        page = "\n".join(lines) + "\n"
        print(page)
        RESULT.write_text(page)


if __name__ == "__main__":
    main()
