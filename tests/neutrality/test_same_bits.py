"""Watched or not, a program computes the same bits."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
SPECIMENS = SOURCE / "torchladder/specimens"

TELL = '''
import random, numpy

def tell(model):
    """Print a digest of the weights, the next draws of every generator, and what a program can see of itself."""
    import hashlib
    digest = hashlib.sha256()
    for name, t in model.state_dict().items():
        digest.update(name.encode() + t.detach().numpy().tobytes())
    print(digest.hexdigest())
    print(torch.rand(3, dtype=torch.float64).tolist(), numpy.random.rand(), random.random(), torch.initial_seed())
    print(torch.get_default_dtype(), torch.is_grad_enabled(), model.training, torch.get_num_threads())
    print(sorted(k for k in vars(model) if not k.startswith("_")))
    print([len(vars(m)["_forward_hooks"]) + len(vars(m)["_backward_hooks"]) for m in model.modules()])
    print([(p.grad is None, p._version, p._backward_hooks) for p in model.parameters()])

'''
SEEDS = "random.seed(3); numpy.random.seed(4); "
# Where the trained model can be had, by specimen.
CALLS = {
    "digits_cnn": ("\n\nif __name__", "\n    tell(model)\n\n\nif __name__"),
    "tiny_lm": None,
    "tabular": None,
    "finetune": None,
}
NAMES = {"finetune": "net"}


def telling(specimen: str) -> str:
    """Return a specimen that prints its figures in full and tells its end."""
    text = (SPECIMENS / f"{specimen}.py").read_text().replace(":.4f}", "!r}").replace(":.3f}", "!r}")
    head, found, rest = text.partition("import torch\n")
    assert found
    assert "torch.manual_seed(0)" in rest
    # After the imports: some libraries draw from Python's generator while they are imported.
    text = head + found + TELL + rest.replace("torch.manual_seed(0)", f"{SEEDS}torch.manual_seed(0)")
    change = CALLS[specimen]
    if change is None:
        return f"{text}\ntell({NAMES.get(specimen, 'model')})\n"
    assert text.count(change[0]) == 1
    return text.replace(*change)


def output(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder with one thread and the source at hand."""
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder, env=env, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("specimen", list(CALLS))
def test_a_watched_run_ends_in_the_same_bits(specimen: str, tmp_path: Path) -> None:
    """Losses with all digits, weights, buffers, the next random draws, modes and hooks are the same."""
    (tmp_path / "train.py").write_text(telling(specimen))

    expected = output(["train.py"], tmp_path).stdout
    watched = output([str(HERE / "watched.py"), "train.py"], tmp_path)

    assert watched.stderr.strip() == "ended True {} None"
    assert expected.splitlines() == watched.stdout.splitlines()


@pytest.mark.slow
def test_a_watched_run_has_the_same_warning_filters(tmp_path: Path) -> None:
    """What libraries add to the filters when imported is there under the probes too."""
    tell = "import warnings, torch, numpy, sklearn\nprint(sorted({str(f) for f in warnings.filters}))\n"
    (tmp_path / "train.py").write_text(tell)

    expected = output(["train.py"], tmp_path).stdout
    watched = output([str(HERE / "watched.py"), "train.py"], tmp_path)

    assert expected.splitlines() == watched.stdout.splitlines()
