"""The verb from end to end: scripts and recipes, kills, Ctrl-C, wrong changes, both engines."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sklearn.datasets

from torchladder.cli.main import main

SCRIPT = '''\
"""A program whose result depends on its arguments and its seed."""
import argparse, os, random, sys, time
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.1)
p.add_argument("--width", type=int, default=8)
p.add_argument("--seed", type=int, default=0)
p.add_argument("--sleep", type=float, default=0)
a = p.parse_args()
with open("calls.txt", "a") as log:
    print(a.lr, a.width, a.seed, os.getpid(), file=log, flush=True)
if a.lr > 5:
    sys.exit("the loss became NaN")
time.sleep(a.sleep)
print("epoch 1 accuracy: 0.1")
noise = random.Random(a.seed).gauss(0, 1) + 0.1 * random.Random(f"{a.seed} {a.lr} {a.width}").gauss(0, 1)
print(f"accuracy: {80 + noise - 20 * abs(a.lr - 0.1):.4f}")
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)


def ablate(*words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status, and the rows of the table by their names."""
    status = main(["ablate", *words, "--json", "r.json", "-q"])
    return status, table("r.json")


def table(file: str) -> dict[str, Any]:
    report = json.loads(Path(file).read_text())
    return {row["name"]: row for row in report["rungs"][0]["facts"]["table"]}


def calls() -> list[str]:
    return [" ".join(line.split()[:3]) for line in Path("calls.txt").read_text().splitlines()]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one sentence that a wrong call gets; nothing may have been run."""
    assert main(["ablate", *words]) == 2
    assert not Path("calls.txt").exists()
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return err


def test_a_script_through_its_arguments() -> None:
    """Each run has its change and its seed; what is clear is said, and what fails is a row."""
    changes = ("--change", "lr=1", "--change", "width=32", "--change", "lr=9")
    status, rows = ablate("train.py", "--width", "16", *changes, "--metric", "accuracy")

    assert status == 5  # one change has no verdict
    assert {"0.1 16 0", "1.0 16 0", "0.1 32 0", "0.1 16 1", "1.0 16 1", "0.1 32 1"} <= set(calls())
    assert rows["lr=1"]["verdict"] == "hurts"
    assert rows["width=32"]["verdict"] == "within noise"
    assert rows["lr=9"]["words"] == "failed: the loss became NaN (exit status 1)"
    assert rows["lr=1"]["mean"] == pytest.approx(62, abs=3)


def test_several_at_once_give_the_same_table() -> None:
    """But for the times."""
    words = ("train.py", "--change", "lr=1", "--change", "width=32", "--metric", "accuracy")
    _, alone = ablate(*words, "--out", "one")
    _, together = ablate(*words, "--out", "two", "--jobs", "3", "--force")

    assert untimed(alone) == untimed(together)


def untimed(rows: dict[str, Any]) -> dict[str, Any]:
    for row in rows.values():
        row["cells"].pop("time")
        row.pop("cost")
        row.pop("runs")
    return rows


def test_options_before_the_script_leave_it_its_own() -> None:
    """Where names clash, ours come first and everything behind is the script's."""
    Path("train.py").write_text(SCRIPT.replace("--width", "--jobs").replace("a.width", "a.jobs"))

    status, rows = ablate_before("--change", "lr=1", "--metric", "accuracy", "--seeds", "1", "train.py", "--jobs", "4")

    assert (status, set(rows)) == (5, {"baseline", "lr=1"})
    assert calls() == ["0.1 4 0", "1.0 4 0"]


def ablate_before(*words: str) -> tuple[int, dict[str, Any]]:
    return main(["ablate", "--json", "r.json", "-q", *words]), table("r.json")


def test_wrong_calls_get_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is run, with the nearest that would be right."""
    metric = ("--metric", "accuracy")

    assert "name at least one change" in said(capsys, "train.py", *metric)
    assert "no argument --lrr; the nearest: --lr" in said(capsys, "train.py", "--change", "lrr=1", *metric)
    assert "--metric" in said(capsys, "train.py", "--change", "lr=1")
    assert "there is no file trian.py; the nearest: train.py" in said(capsys, "trian.py", "--change", "lr=1", *metric)
    assert "name a recipe or a script" in said(capsys)
    assert "--metric-file needs one run at a time" in said(
        capsys, "train.py", "--change", "lr=1", *metric, "--metric-file", "m.json", "--jobs", "2"
    )


def test_a_script_without_a_seed() -> None:
    """It is said how to name one; one run of each needs none, and claims nothing."""
    Path("train.py").write_text(SCRIPT.replace('"--seed"', '"--random-state", dest="seed"'))

    status, rows = ablate("train.py", "--change", "lr=1", "--metric", "accuracy", "--seeds", "1")
    assert (status, rows["lr=1"]["verdict"]) == (5, "unknown")

    status, rows = ablate("train.py", "--change", "lr=1", "--metric", "accuracy", "--seed-as", "random-state")
    assert (status, rows["lr=1"]["verdict"]) == (0, "hurts")


def test_a_baseline_that_fails_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With status 3 and the script's own last words."""
    assert main(["ablate", "train.py", "--lr", "7", "--change", "lr=1", "--metric", "accuracy"]) == 3
    assert "the baseline failed: the loss became NaN (exit status 1)" in capsys.readouterr().out


def test_a_metric_from_a_file_that_the_run_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    """A file from before is not taken for the run's."""
    Path("m.json").write_text('{"accuracy": 99}')
    words = ("train.py", "--change", "lr=1", "--metric", "accuracy", "--metric-file", "m.json", "--seeds", "1")
    os.utime("m.json", (1, 1))
    assert main(["ablate", *words]) == 3
    assert "the run wrote no m.json" in capsys.readouterr().out

    Path("train.py").write_text(SCRIPT + 'open("m.json", "w").write(\'{"accuracy": %f}\' % a.lr)\n')
    _, rows = ablate(*words)
    assert (rows["baseline"]["mean"], rows["lr=1"]["mean"]) == (0.1, 1.0)


def test_an_edited_script_is_run_anew() -> None:
    """Figures of other code are not taken."""
    words = ("train.py", "--change", "lr=1", "--metric", "accuracy", "--seeds", "1")
    ablate(*words)
    Path("train.py").write_text(SCRIPT.replace("80 +", "90 +"))

    _, rows = ablate(*words)

    assert rows["baseline"]["mean"] > 85
    assert len(calls()) == 4


def begun(*words: str, until: int) -> subprocess.Popen[bytes]:
    """Start an ablation in a process of its own, and return once so many runs have begun."""
    command = [sys.executable, "-m", "torchladder", "ablate", "train.py", "--change", "lr=1", "--metric", "accuracy"]
    child = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(600):
        if Path("calls.txt").exists() and len(calls()) >= until:
            return child
        if child.poll() is not None:
            break
        time.sleep(0.05)
    child.kill()
    pytest.fail(f"the ablation ended early: {child.communicate()}")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_kill_loses_the_run_in_flight_only() -> None:
    """No run goes on for nobody, and the same call makes what is missing."""
    child = begun("--sleep", "1", until=3)
    child.kill()
    child.communicate()
    last = int(Path("calls.txt").read_text().split()[-1])
    deadline = time.monotonic() + 10
    while is_alive(last) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(last)
    before = calls()

    _, rows = ablate("train.py", "--sleep", "1", "--change", "lr=1", "--metric", "accuracy", "--seeds", "2")

    assert before[-1] in calls()[len(before) :]
    assert not set(before[:-1]) & set(calls()[len(before) :])
    assert rows["lr=1"]["cells"]["seeds"] == "2"


def test_ctrl_c_shows_what_is_done() -> None:
    """The table, the exit status of an interrupted program, and the children ended."""
    child = begun("--sleep", "1", "--json", "r.json", until=2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)

    assert child.returncode == 130
    assert b"Traceback" not in err
    assert "not run yet" in " ".join(out.decode().split())
    assert table("r.json")["baseline"]["values"].keys() == {"0"}


RECIPE = """\
data:
  train: cancer.csv
  val_share: 0.3
model:
  width: 16
optimizer:
  lr: 0.005
training:
  epochs: 3
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    data = sklearn.datasets.load_breast_cancer(as_frame=True).frame
    data.to_csv(tmp_path / "cancer.csv", index=False)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_wrong_changes_of_a_recipe_get_one_sentence(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown key with the nearest, what changes nothing, and what would change the comparison itself."""
    name = recipe.name

    assert "the nearest: loss.label_smoothing" in said(capsys, name, "--change", "label_smothing=0")
    assert "is 0 in the recipe already" in said(capsys, name, "--change", "mixup=0")
    assert "would change nothing" in said(capsys, name, "--change", "lr=0.005")
    assert "changes which samples are compared" in said(capsys, name, "--change", "val_share=0.5")
    assert "the seeds are the repeats" in said(capsys, name, "--change", "seed=5")
    assert "optimizer.lr is 'fast', where a number is due" in said(capsys, name, "--change", "lr=fast")
    assert "are the same" in said(capsys, name, "--change", "mixup=1", "--change", "augment.mixup=1")
    assert "no metric of a training; " in said(capsys, name, "--change", "mixup=1", "--metric", "speed")


@pytest.mark.slow
def test_a_recipe_beside_the_simplest_predictors(recipe: Path) -> None:
    """Majority class and linear model first, then the changes; every run has a record with its config and seed."""
    status, rows = ablate(recipe.name, "--change", "lr=0.000001", "--change", "depth=1", "--seeds", "2")

    assert status in {0, 5}
    assert list(rows) == ["majority class", "linear model", "baseline", "lr=0.000001", "depth=1"]
    assert rows["majority class"]["mean"] == pytest.approx(0.627, abs=0.02)
    assert rows["linear model"]["mean"] > 0.9
    run = Path(".torchladder", "runs", rows["baseline"]["runs"]["1"])
    assert json.loads((run / "provenance.json").read_text())["seed"] is not None
    assert main(["ablate", recipe.name, "--change", "lr=0.000001", "--seeds", "2", "-q", "--json", "r2.json"]) in {0, 5}
    assert table("r2.json")["baseline"] == rows["baseline"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_nodes_of_ray_give_the_same_table(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real cluster of two nodes on this machine, and the local engine: bit for bit but for the times."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    words = (recipe.name, "--change", "lr=0.000001", "--change", "label_smoothing=0", "--seeds", "2", "--threads", "1")
    _, here = ablate(*words, "--out", "one")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    try:
        _, away = ablate(*words, "--out", "two", "--engine", "ray", "--force")
    finally:
        cluster.shutdown()

    assert untimed(here) == untimed(away)
