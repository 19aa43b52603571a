"""A disk that fills up in the middle of a training: what was learnt is judged and left, and nothing is passed off."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torchladder.checkpoints.store import Checkpoints, NotSaved
from torchladder.cli.main import main
from torchladder.training import outcome
from torchladder.training import train as trained

WORDS = ("train", "--no-ladder", "--no-watch", "-q", "--json", "result.json", "--force", "--change", "epochs=3")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def full(*_: Any, **__: Any) -> None:
    """Find no room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_last_weights_stand_in_for_lost_best_ones(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first weights, which alone could be saved, are not judged in the place of the best."""
    real = Checkpoints.save

    def save(self: Checkpoints, state: Any, *, step: int, best: bool = False) -> Path:
        if step:
            msg = "no space is left"
            raise NotSaved(msg)
        return real(self, state, step=step, best=best)

    monkeypatch.setattr(Checkpoints, "save", save)
    assert main([*WORDS, "--data", str(table), "--change", "lr=0.01"]) == 0
    made = json.loads(Path("result.json").read_text())

    assert made["val"]["values"]["loss"] == pytest.approx(made["history"][-1]["val/loss"])
    assert "these are the figures of the last ones" in made["notes"][0]
    assert capsys.readouterr().err.count("no space is left") == 3  # one an epoch, though it was told to be quiet


def test_weights_that_find_no_room_are_told_of(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures are there all the same, the record ends well, and the status says that something is missing."""
    monkeypatch.setattr(trained, "write_weights", full)
    assert main([*WORDS, "--data", str(table)]) == 2
    made = json.loads(Path("result.json").read_text())
    folder = Path(made["folder"])

    assert "weights.safetensors was not written (No space left on device)" in capsys.readouterr().err
    assert (folder / "result.json").exists()
    assert len(np.load(folder / "predictions.npz")["target"]) == 30
    assert not (folder / "weights.safetensors").exists()
    assert json.loads((folder / "run.json").read_text())["state"] == "ended"


def test_a_disk_that_is_full_from_the_start_ends_it_at_once(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, before an hour is spent that cannot be kept."""
    real = Path.write_text
    monkeypatch.setattr(
        Path, "write_text", lambda self, *a, **k: full() if self.name == outcome.RECIPE else real(self, *a, **k)
    )
    assert main([*WORDS, "--data", str(table)]) == 2
    said = capsys.readouterr().err

    assert "cannot be written (No space left on device); --out names another place for runs" in said
    assert said.count("\n") == 1
