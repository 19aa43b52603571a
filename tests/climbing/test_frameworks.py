"""Programs in the style of each framework's own tutorial: a correct one climbs in silence, a planted fault is named."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROGRAMS = HERE / "frameworks"
SOURCE = HERE.parents[1] / "src"
BUDGET_S = 90
BUDGET_OF_RANKS_S = 240  # torchrun starts three interpreters for each experiment


@dataclass(frozen=True)
class Program:
    """A program of a framework, the package it needs, and one fault: a passage, what replaces it, the rule's code.

    Without a code the fault breaks rung 3 and no rule names it.
    """

    package: str
    old: str
    new: str
    code: str | None


PROGRAMS_BY_NAME = {
    "lightning_auto": Program("lightning", "return self.net(x)", "return self.net(x).softmax(dim=1)", "TL201"),
    "lightning_manual": Program("lightning", "        optimizer.zero_grad()\n", "", "TL404"),
    "lightning_overfit": Program("lightning", "Adam(self.net.parameters(), lr=1e-3)",
                                 "Adam(self.net[0].parameters(), lr=1e-3)", "TL408"),
    "hf_custom_loss": Program("transformers", "F.cross_entropy(outputs.logits, labels)",
                              "F.cross_entropy(outputs.logits.softmax(-1), labels)", "TL201"),
    "accelerate_loop": Program("accelerate", "            optimizer.zero_grad()\n", "", "TL404"),
    "peft_lora": Program("peft", "if p.requires_grad], lr=5e-3", "if not p.requires_grad], lr=5e-3", "TL224"),
    "trl_sft": Program("trl", "learning_rate=3e-3", "learning_rate=0.0", "TL403"),
    "skorch_net": Program("skorch", "return self.output(x)", "return torch.softmax(self.output(x), dim=-1)", "TL201"),
    "keras_torch": Program("keras", "layers.Dense(10)]", 'layers.Dense(10, activation="softmax")]', None),
    "timm_train": Program("timm", "        loss.backward()\n", "        loss.detach()\n", "TL405"),
    "torchrun_ddp": Program("torch", "return self.layers(x)", "return F.softmax(self.layers(x), dim=1)", "TL201"),
}  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("name", PROGRAMS_BY_NAME)]


def climbed(name: str, folder: Path, *, fault: bool) -> dict[str, Any]:
    """Climb a program, with its fault or without, in a process of its own."""
    program = PROGRAMS_BY_NAME[name]
    if importlib.util.find_spec(program.package) is None:  # importing Keras here would choose its backend
        pytest.skip(f"{program.package} is not installed")
    text = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
    assert text.count(program.old) == 1
    (folder / "train.py").write_text(text.replace(program.old, program.new) if fault else text, encoding="utf-8")
    words, budget = ["train.py"], BUDGET_S
    if name.startswith("torchrun"):
        words = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "train.py"]
        budget = BUDGET_OF_RANKS_S
    options = ["--to", "3", "--budget", str(budget), "--json", "r.json"]
    done = subprocess.run(
        [sys.executable, "-m", "torchladder", "climb", *options, *words],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode in {0, 1, 5}, done.stdout + done.stderr
    report: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    shutil.rmtree(folder / ".torchladder", ignore_errors=True)
    report["left"] = sorted(p.name for p in folder.iterdir())
    return report


def test_a_correct_program_passes_the_one_batch_in_silence(name: str, tmp_path: Path) -> None:
    """No error, no warning, rung 3 passed, and no file left in the folder."""
    report = climbed(name, tmp_path, fault=False)

    assert [f["message"] for f in report["findings"] if f["severity"] != "note"] == []
    assert [(r["rung"], r["state"]) for r in report["rungs"] if r["rung"] == 3] == [(3, "passed")], report["rungs"]
    assert report["left"] == ["r.json", "train.py"]


def test_a_planted_fault_is_the_cause(name: str, tmp_path: Path) -> None:
    """It comes first, and its lines are the program's own."""
    report = climbed(name, tmp_path, fault=True)
    if PROGRAMS_BY_NAME[name].code is None:  # Keras writes its losses in plain operations, which no rule knows
        assert [r["state"] for r in report["rungs"] if r["rung"] == 3] == ["failed"]
        return

    assert report["cause"] is not None, report["sentence"]
    assert report["cause"]["code"] == PROGRAMS_BY_NAME[name].code, report["sentence"]
    assert {p["path"] for p in report["cause"]["where"]} <= {"train.py"}
