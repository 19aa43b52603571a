"""Fixtures for every test: one torch thread, snapshots, the project's root."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes snapshots anew."""
    parser.addoption("--update-snapshots", action="store_true", help="write the expected outputs anew")


@pytest.fixture(autouse=True)
def _neutral_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the terminal this runs in out of the results."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root() -> Path:
    """Return the project's root."""
    return ROOT


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a function that compares a text with the stored one of that name."""
    update = bool(request.config.getoption("--update-snapshots"))

    def compare(name: str, text: str) -> None:
        file = ROOT / "tests" / "snapshots" / "expected" / name
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"no snapshot {name}; run pytest --update-snapshots and read what it wrote"

        assert file.read_text(encoding="utf-8") == text

    return compare
