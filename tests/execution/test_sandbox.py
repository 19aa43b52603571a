"""A program under the sandbox finds what it wrote, and the world finds nothing."""

import csv
import glob
import importlib
import json
import logging
import os
import pickle
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from torchladder.runner.folder import differences, snapshot
from torchladder.runner.sandbox import Sandbox


@pytest.fixture
def sandbox(folder: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox over a folder with two files, which must be as before in the end."""
    (folder / "old.txt").write_text("old")
    (folder / "data").mkdir()
    (folder / "data" / "kept.txt").write_text("kept")
    before, opened, stat = _everything(folder), open, os.stat
    with Sandbox(str(tmp_path / "scratch")) as entered:
        yield entered
    os.chdir(folder)

    assert before == _everything(folder)
    assert (opened, stat) == (open, os.stat)


def _everything(folder: Path) -> dict[str, Any]:
    return {str(p): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def _torch_save() -> Any:
    torch.save({"w": torch.ones(2)}, "m.pt")
    torch.save({"w": 2}, Path("legacy.pt"), _use_new_zipfile_serialization=False)
    mapped = torch.load("m.pt", mmap=True)["w"].tolist()
    return torch.load("m.pt")["w"].tolist(), mapped, torch.load("legacy.pt")["w"]


def _torch_jit() -> Any:
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(3.0)
    scripted = torch.jit.script(model)
    torch.jit.save(scripted, "a.pt")
    scripted.save("b.pt")
    return [float(torch.jit.load(name).weight) for name in ("a.pt", "b.pt")]


def _numpy() -> Any:
    np.save("a.npy", np.ones(2))
    np.savez("b.npz", x=np.arange(2))
    np.ones(3).tofile("raw")
    np.load("a.npy", mmap_mode="r+")[0] = 5
    return np.load("a.npy").tolist(), np.load("b.npz")["x"].tolist(), len(np.fromfile("raw"))


def _formats() -> Any:
    with open("a.csv", "w", newline="") as file:
        csv.writer(file).writerow([1, 2])
    Path("a.json").write_text(json.dumps([1]))
    with open("a.pkl", "wb") as file:
        pickle.dump({1: 2}, file)
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write("old.txt")
    with tarfile.open("a.tar", "w") as archive:
        archive.add("old.txt")
    with tarfile.open("a.tar") as archive:
        names = archive.getnames()
    return Path("a.csv").read_text(), json.load(open("a.json")), pickle.load(open("a.pkl", "rb")), names


def _sqlite() -> Any:
    for value in (1, 2):
        with sqlite3.connect("runs.db") as connection:
            connection.execute("create table if not exists runs (n)")
            connection.execute("insert into runs values (?)", (value,))
        connection.close()
    connection = sqlite3.connect("runs.db")
    rows = connection.execute("select n from runs").fetchall()
    connection.close()
    return rows


def _safetensors() -> Any:
    from safetensors.torch import load_file, save_file

    save_file({"w": torch.ones(2)}, "w.safetensors")
    return load_file("w.safetensors")["w"].tolist(), os.path.exists("w.safetensors")


# Libraries take the function by name when they are imported, which may be before the sandbox is.
captured = types.ModuleType("captured_by_a_library")
captured.safe_open = importlib.import_module("safetensors").safe_open  # type: ignore[attr-defined]
sys.modules[captured.__name__] = captured


def _safetensors_captured() -> Any:
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2)}, "w.safetensors")
    with captured.safe_open("w.safetensors", framework="pt") as file:
        return list(file.keys()), 1


def _logging() -> Any:
    handler = logging.FileHandler("run.log")
    handler.emit(logging.makeLogRecord({"msg": "words"}))
    handler.close()
    return Path("run.log").read_text()


def _append() -> Any:
    with open("old.txt", "a") as file:
        file.write("+new")
    with open("data/kept.txt", "r+") as file:
        file.write("K")
    return file.name, Path("old.txt").read_text(), Path("data/kept.txt").read_text(), os.path.getsize("old.txt")


def _folders() -> Any:
    os.makedirs("ck/a", exist_ok=True)
    os.makedirs("ck/a", exist_ok=True)
    Path("ck/a/x.txt").touch()
    Path("data/new.txt").write_text("n")
    walked = sorted((top, sorted(dirs), sorted(files)) for top, dirs, files in os.walk("."))
    return walked, sorted(os.listdir("data")), glob.glob("ck/**/*.txt", recursive=True), Path("ck/a").is_dir()


def _renames() -> Any:
    os.replace("old.txt", "new.txt")
    os.rename("data", "moved")
    Path("draft").write_text("d")
    Path("draft").rename("final")
    shutil.move("final", "moved/final")
    return (
        sorted(str(p) for p in Path().rglob("*")),
        Path("moved/final").read_text(),
        Path("moved/kept.txt").read_text(),
    )


def _deletions() -> Any:
    os.remove("old.txt")
    shutil.rmtree("data")
    gone = os.listdir()
    with pytest.raises(FileNotFoundError, match=r"'old\.txt'"):
        open("old.txt").close()
    with pytest.raises(FileNotFoundError):
        os.stat("data/kept.txt")
    os.mkdir("data")
    Path("old.txt").write_text("again")
    return gone, os.listdir("data"), Path("old.txt").read_text()


def _copies() -> Any:
    shutil.copy("old.txt", "a.txt")
    shutil.copy2("a.txt", "b.txt")
    shutil.copytree("data", "data2")
    os.link("old.txt", "c.txt")
    os.symlink("old.txt", "latest")
    return [Path(p).read_text() for p in ("a.txt", "b.txt", "data2/kept.txt", "c.txt", "latest")], os.path.islink(
        "latest"
    )


def _moving_about() -> Any:
    os.makedirs("runs/1")
    os.chdir("runs/1")
    Path("here.txt").write_text("h")
    seen = [
        os.path.relpath(os.getcwd(), os.path.dirname(os.path.dirname(os.getcwd()))),
        os.listdir(),
        Path("../../old.txt").read_text(),
    ]
    os.chdir("../..")
    Path("back.txt").write_text("b")
    return seen, Path("runs/1/here.txt").read_text()


def _temporary() -> Any:
    with tempfile.NamedTemporaryFile("w", dir=".") as file:
        file.write("x")
        inside = os.path.exists(file.name)
    with tempfile.TemporaryDirectory(dir=".") as name:
        Path(name, "f").write_text("f")
    return inside, os.path.exists(file.name), os.path.exists(name)


def _refusals() -> Any:
    kinds = []
    for action in (
        lambda: open("missing/x", "w").close(),
        lambda: open("old.txt", "x").close(),
        lambda: open("missing.txt", "r+").close(),
        lambda: open("data", "w").close(),
        lambda: os.mkdir("data"),
        lambda: os.mkdir("missing/deeper"),
        lambda: os.rmdir("data"),
        lambda: os.remove("missing"),
        lambda: os.remove("data"),
        lambda: os.rename("missing", "x"),
        lambda: os.listdir("missing"),
        lambda: os.listdir("old.txt"),
        lambda: torch.save(1, "missing/x.pt"),
        lambda: torch.load("missing.pt"),
        lambda: sqlite3.connect("missing/x.db"),
    ):
        try:
            action()
        except Exception as error:
            kinds.append((type(error).__name__, getattr(error, "errno", None)))
        else:
            kinds.append("nothing raised")
    return kinds


ACTIONS = [
    _torch_save,
    _torch_jit,
    _numpy,
    _formats,
    _sqlite,
    _safetensors,
    _safetensors_captured,
    _logging,
    _append,
    _folders,
    _renames,
    _deletions,
    _copies,
    _moving_about,
    _temporary,
    _refusals,
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_program_finds_what_it_finds_without_us(
    action: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every way of writing and reading gives the same in the sandbox as in a folder of its own."""
    twin = tmp_path / "twin"
    (twin / "data").mkdir(parents=True)
    (twin / "old.txt").write_text("old")
    (twin / "data" / "kept.txt").write_text("kept")
    monkeypatch.chdir(twin)
    expected = action()
    request.getfixturevalue("sandbox")

    assert _sorted(expected) == _sorted(action())


def _sorted(value: Any) -> Any:
    return [sorted(v) if isinstance(v, list) and all(isinstance(x, str) for x in v) else v for v in value]


def test_the_system_temp_folder_and_kept_roots_are_real(folder: Path, tmp_path: Path) -> None:
    """Those are left alone, and the working folder is protected although it lies in the first."""
    kept = folder / "kept"
    kept.mkdir()
    with Sandbox(str(tmp_path / "scratch"), keep_roots=(str(kept),)):
        (tmp_path / "real.txt").write_text("r")
        (kept / "real.txt").write_text("r")
        (folder / "not.txt").write_text("n")

    assert [p.exists() for p in (tmp_path / "real.txt", kept / "real.txt", folder / "not.txt")] == [True, True, False]


def test_workers_and_child_processes_share_what_was_written(
    folder: Path, write: Callable[..., Path], observe: Callable[..., Any]
) -> None:
    """Loader workers, spawned processes and subprocesses see it, and nothing stays behind."""
    write(
        "train.py",
        """
        import multiprocessing, subprocess, sys
        from pathlib import Path
        import torch

        class Files(torch.utils.data.Dataset):
            def __len__(self):
                return 2
            def __getitem__(self, i):
                Path(f"seen{i}").write_text("s")
                return float(Path("value").read_text())

        def child(name):
            Path(name).write_text(Path("value").read_text())

        if __name__ == "__main__":
            Path("value").write_text("4")
            print(list(torch.utils.data.DataLoader(Files(), num_workers=1)))
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=child, args=("spawned",))
            process.start()
            process.join()
            code = "open('sub', 'w').write(open('value').read())"
            subprocess.run([sys.executable, "-c", code], check=True)
            print(*(Path(p).read_text() for p in ("seen0", "seen1", "spawned", "sub")))
        """,
    )
    before = snapshot(folder)

    run = observe("train.py")

    assert run.program.stdout_tail.endswith("s s 4 4\n"), run
    assert differences(before, snapshot(folder)) == ()


def test_differences_name_new_gone_and_changed_files(folder: Path) -> None:
    """Version control and our own folder do not count."""
    for name in ("gone", "changed", "same"):
        (folder / name).write_text("x")
    before = snapshot(folder)
    (folder / "gone").unlink()
    (folder / "changed").write_text("xy")
    for name in ("deeper/new", ".git/index", ".torchladder/report.json"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("n")

    assert differences(before, snapshot(folder)) == ("changed", "deeper/new", "gone")
