"""A folder with a program in it, and ways to run that."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from torchladder.runner.forkserver import Run, run
from torchladder.runner.target import resolve

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


@pytest.fixture(autouse=True)
def _importable_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The observers are found here and in the processes that programs start."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(SOURCE)]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, which is the current one."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def write(folder: Path) -> Callable[[str, str], Path]:
    """Write a dedented program into the working folder."""

    def write_program(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    return write_program


@pytest.fixture
def observe(tmp_path: Path) -> Callable[..., Run]:
    """Run a program of the working folder in a forked child."""

    def observe_program(
        name: str, *argv: str, entry: str = "observers:steps", seconds: float = 60, **kwargs: Any
    ) -> Run:
        target = resolve(name, argv, module=kwargs.pop("module", False))
        scratch = str(tmp_path / "scratch")
        return run(target, entry, kwargs, seconds=seconds, scratch=scratch)

    return observe_program


@pytest.fixture
def plain(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program of the working folder as Python itself does."""

    def run_plainly(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *argv],
            cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run_plainly


@pytest.fixture
def console(folder: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a program of the working folder in a child forked from a process of its own."""

    def run_from_console(*argv: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(HERE / "console.py"), str(tmp_path / "scratch"), *argv],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run_from_console
