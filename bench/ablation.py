"""An ablation as a user makes it: a small network on pictures, five changes, three seeds, one after the other.

Of Fashion-MNIST (FASHION_MNIST names the folder of its idx files) 4,000 pictures are learnt from and 2,000 held out;
without it, scikit-learn's digits stand in. Then it is asked for again, which must take everything from what is there,
and the seconds of both are told.

    python bench/ablation.py [--jobs 1] [--seeds 3] [--write]
"""

import argparse
import contextlib
import gzip
import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
RESULTS = ROOT / "bench" / "results"
LEARNT, HELD = 4000, 2000
CHANGES = ("mixup=0.2", "label_smoothing=0", "schedule=constant", "ema=0.98", "shift=0", "shift=0,label_smoothing=0")
RECIPE = """\
data:
  train: train.npz
  val: val.npz
model:
  name: mlp
  width: 128
optimizer:
  lr: 0.002
  schedule: cosine
loss:
  label_smoothing: 0.1
augment:
  shift: 1
training:
  epochs: 12
  batch_size: 64
"""


def pictures() -> tuple[Any, Any]:
    """Return pictures and their classes."""
    import numpy as np

    folder = os.environ.get("FASHION_MNIST")
    if folder is None:
        from sklearn.datasets import load_digits

        digits = load_digits()
        return (digits.images * 15.9).astype(np.uint8)[..., None], digits.target.astype(np.int64)
    files = [next(Path(folder).glob(f"train-{what}-idx*")) for what in ("images", "labels")]
    raw = [gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files]
    x = np.frombuffer(raw[0], np.uint8, offset=16).reshape(-1, 28, 28, 1)
    return x, np.frombuffer(raw[1], np.uint8, offset=8).astype(np.int64)


def prepare(folder: Path) -> None:
    """Write the two sides and the recipe."""
    import numpy as np

    x, y = pictures()
    order = np.random.default_rng(0).permutation(len(x))
    learnt = min(LEARNT, 2 * len(x) // 3)
    for name, at in (("train", order[:learnt]), ("val", order[learnt : learnt + HELD])):
        np.savez(folder / f"{name}.npz", x=x[at], y=y[at])
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")


def ablate(jobs: int, seeds: int) -> tuple[str, float]:
    """Return what the verb printed, and the seconds it took."""
    from torchladder.cli.main import main

    words = [w for change in CHANGES for w in ("--change", change)]
    out = io.StringIO()
    began = time.monotonic()
    with contextlib.redirect_stdout(out):
        outputs = ["--html", "ablation.html", "--json", "ablation.json"]
        status = main(["ablate", "recipe.yaml", *words, "--seeds", str(seeds), "--jobs", str(jobs), *outputs])
    if status not in {0, 5}:
        sys.exit(status)
    return out.getvalue(), time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="leave everything in this folder")
    parser.add_argument("--write", action="store_true", help="write the table to bench/results/ablation.md")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    os.chdir(folder)
    try:
        prepare(Path())
        table, seconds = ablate(options.jobs, options.seeds)
        again, later = ablate(options.jobs, options.seeds)
    finally:
        os.chdir(here)
        if options.keep is None:
            shutil.rmtree(folder)
    print(table)
    print(f"{seconds:.0f} s; asked again {later:.1f} s, {'the same table' if again == table else 'ANOTHER TABLE'}")
    if options.write:
        what = "Fashion-MNIST" if "FASHION_MNIST" in os.environ else "digits"
        text = f"# Ablation on {what}, {options.jobs} at once\n\n```\n{table}```\n\n"
        text += f"{seconds:.0f} s; asked again {later:.1f} s\n"
        (RESULTS / "ablation.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
