"""Checkpoints: what was saved comes back, and no kill, full disk or rotten file leaves nothing to load."""

import errno
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from torchladder.checkpoints.manifest import MANIFEST
from torchladder.checkpoints.reading import Unreadable, checksum, read
from torchladder.checkpoints.store import Checkpoints, NotSaved
from torchladder.core.errors import UsageError

KILLS = 50


def state(step: int) -> dict[str, Any]:
    return {"model": {"weight": torch.full((50, 7), float(step))}, "epoch": step // 10, "names": ["a", None, 1.5]}


def stored(folder: Path, *steps: int, best: int = -1) -> Checkpoints:
    made = Checkpoints(folder)
    for step in steps:
        made.save(state(step), step=step, best=step == best)
    return made


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_what_was_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """A tree of tensors and plain values is the same after loading."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(8, 3)).sum().backward()
    optimizer.step()
    made = Checkpoints(tmp_path)

    made.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rate": np.float64(0.1)}, step=1)
    loaded = made.load()

    assert loaded is not None
    assert (loaded.step, loaded.notes, loaded.state["rate"]) == (1, [], 0.1)
    assert all(torch.equal(loaded.state["model"][k], v) for k, v in model.state_dict().items())
    optimizer.load_state_dict(loaded.state["optimizer"])


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    """Neither a missing nor an empty folder is an error."""
    assert Checkpoints(tmp_path / "none").load() is None
    assert Checkpoints(tmp_path).load("best") is None


def test_the_last_keeps_its_predecessor_and_the_best_stays(tmp_path: Path) -> None:
    """Of many checkpoints three files remain: the last, the one before, the best."""
    made = stored(tmp_path, 10, 20, 30, 40, 50, best=20)

    assert files(tmp_path) == [MANIFEST, "step-00000020.pt", "step-00000040.pt", "step-00000050.pt"]
    assert [made.load("best").step, made.load().step] == [20, 50]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    """A resumed run may come by a step that was saved before."""
    made = stored(tmp_path, 10, 20)
    made.save({"again": 1}, step=20)

    assert made.load().state == {"again": 1}


@pytest.mark.parametrize("damage", ["empty", "cut", "a bit", "gone", "other"])
def test_a_damaged_last_is_passed_over_with_a_sentence(tmp_path: Path, damage: str) -> None:
    """The one before it is loaded, and one sentence says which and why."""
    made = stored(tmp_path, 10, 20)
    path = tmp_path / "step-00000020.pt"
    data = bytearray(path.read_bytes())
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "a bit":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes((tmp_path / "step-00000010.pt").read_bytes())

    loaded = made.load()

    assert loaded.step == 10
    assert torch.equal(loaded.state["model"]["weight"], state(10)["model"]["weight"])
    (note,) = loaded.notes
    assert "step-00000020.pt" in note
    assert note.endswith("the checkpoint of step 10 is used instead")


def test_when_none_is_whole_that_is_said_in_one_sentence(tmp_path: Path) -> None:
    """Starting from nothing without a word would lose the user's hours."""
    made = stored(tmp_path, 10, 20)
    for path in tmp_path.glob("*.pt"):
        path.write_bytes(b"")

    with pytest.raises(UsageError, match=r"no checkpoint in .* can be loaded: .*empty"):
        made.load()


@pytest.mark.parametrize("manifest", [None, "", "{", '{"lasts": [{"file": "../x.pt", "step": 1, "sha256": null}]}'])
def test_a_lost_manifest_costs_nothing(tmp_path: Path, manifest: str | None) -> None:
    """The files tell the steps, and the checksums within them whether they are whole."""
    made = stored(tmp_path, 10, 20)
    (tmp_path / MANIFEST).unlink() if manifest is None else (tmp_path / MANIFEST).write_text(manifest)
    assert made.load().step == 20

    data = bytearray((tmp_path / "step-00000020.pt").read_bytes())
    place = data.rfind(state(20)["model"]["weight"].numpy().tobytes()[:64])
    data[place] ^= 1
    (tmp_path / "step-00000020.pt").write_bytes(data)

    assert made.load().step == 10


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_with_objects_is_refused_and_runs_nothing(tmp_path: Path, zipped: bool) -> None:
    """One sentence names the object; its code has not run."""
    target, path = tmp_path / "ran", tmp_path / "trap.pt"
    if zipped:
        torch.save({"model": Trap(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"model": Trap(target)}))

    with pytest.raises(
        Unreadable, match=r"trap\.pt is refused: it holds Python objects( \(.*system\))? besides"
    ) as told:
        read(path)

    assert "\n" not in str(told.value)
    assert not target.exists()


def test_an_object_in_the_manifest_s_place_is_refused_too(tmp_path: Path) -> None:
    """A file whose checksum is right is still read with tensors and plain values only."""
    made = stored(tmp_path, 10, 20)
    path = tmp_path / "step-00000020.pt"
    torch.save({"model": Trap(tmp_path / "ran")}, path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["lasts"][0]["sha256"] = checksum(path)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))

    loaded = made.load()

    assert loaded.step == 10
    assert "refused" in loaded.notes[0]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({"model": torch.nn.Linear(1, 1)}, r"state\['model'\] is a Linear"),
        ({"a": [1, np.zeros(2)]}, r"state\['a'\]\[1\] is a ndarray.*torch\.from_numpy"),
        ({"a": {b"k": 1}}, r"a key of state\['a'\] is a bytes"),
        ({"lock": threading.Lock()}, r"state\['lock'\] is a lock"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(tmp_path: Path, bad: dict[str, Any], path: str) -> None:
    """The mistake is found when saving, with its place, not when the checkpoint is needed."""
    with pytest.raises(UsageError, match=path):
        Checkpoints(tmp_path).save(bad, step=1)

    assert files(tmp_path) == []


@pytest.mark.parametrize("after", [0, 300, 2500])
def test_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Wherever the disk fills up, one sentence is raised, no draft stays, and the last one loads."""
    made = stored(tmp_path, 10)
    before = files(tmp_path)
    real = Path.open

    class Full:
        def __init__(self, file) -> None:
            self.file, self.room = file, after

        def write(self, data: bytes) -> int:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self.file.write(data))

        def __getattr__(self, name: str):
            return getattr(self.file, name)

    monkeypatch.setattr(Path, "open", lambda self, *a, **k: Full(f) if (f := real(self, *a, **k)).writable() else f)

    with pytest.raises(NotSaved, match=r"step 20 was not saved, those before it are intact: .*No space left") as told:
        made.save(state(20), step=20)

    monkeypatch.undo()
    assert "\n" not in str(told.value)
    assert files(tmp_path) == before
    assert made.load().step == 10


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    """A file in the way is the user's to remove."""
    (tmp_path / "file").write_text("")

    with pytest.raises(NotSaved, match="cannot be written"):
        Checkpoints(tmp_path / "file").save(state(1), step=1)


WRITER = """
import os, sys, torch
from pathlib import Path
from torchladder.checkpoints.store import Checkpoints
made = Checkpoints(Path(sys.argv[1]))
loaded = made.load()
step = loaded.step if loaded else 0
assert not loaded or not loaded.notes, loaded.notes
os.write(1, b"ready\\n")
for _ in range(2000):
    step += 1
    made.save({"weight": torch.full((4000,), float(step)), "step": step}, step=step, best=step % 3 == 0)
    os.write(1, b"%d\\n" % step)
"""

FORKING = """
import os, sys, time, random, signal
from pathlib import Path
import torch
torch.set_num_threads(1)
source, folder, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
draw = random.Random(int(sys.argv[4]))
pace = 0.02  # seconds that a save takes
for i in range(kills):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(theirs, 1)
        sys.argv = ["writer", folder]
        exec(source, {"__name__": "__main__"})
    os.close(theirs)
    first = os.read(ours, 6)
    assert first == b"ready\\n", first
    words, began = b"", time.monotonic()
    for _ in range(draw.randrange(3)):
        words += os.read(ours, 65536)
    time.sleep(draw.uniform(0, 1.5 * pace))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if words:
        pace = (time.monotonic() - began) / (1 + words.count(b"\\n"))
    while part := os.read(ours, 65536):
        words += part
    os.close(ours)
    told = max([int(w) for w in words.split(b"\\n")[:-1] if w], default=0)
    print(told, flush=True)
    from torchladder.checkpoints.store import Checkpoints
    for which in ("last", "best"):
        loaded = Checkpoints(Path(folder)).load(which)
        assert loaded is not None or not told, which
        if loaded:
            assert not loaded.notes, loaded.notes
            assert loaded.state["step"] == loaded.step
            assert torch.equal(loaded.state["weight"], torch.full((4000,), float(loaded.step)))
            assert which == "best" or loaded.step >= told, (loaded.step, told)
print("survived", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked writers")
def test_a_kill_at_any_moment_leaves_what_was_saved(tmp_path: Path) -> None:
    """After each of fifty kills, the last and the best load whole, and no save that was reported is lost."""
    command = [sys.executable, "-c", FORKING, WRITER, str(tmp_path / "kept"), str(KILLS), "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    told = [int(word) for word in done.stdout.split()[:-1]]
    assert done.stdout.split()[-1] == "survived"
    assert len(told) == KILLS
    assert max(told) > KILLS  # the writers did get to write
    assert len(list((tmp_path / "kept").glob("*.pt"))) <= 4
