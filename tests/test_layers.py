"""Packages import only what they may."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def check_layers(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_layers", root / "tools" / "check_layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_source_keeps_to_the_layers(check_layers: ModuleType) -> None:
    """No import goes the wrong way."""
    assert check_layers.violations() == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("core/a.py", "from torchladder.rules import registry", "core imports rules"),
        ("rules/a.py", "import torch.nn", "rules imports torch"),
        ("rules/a.py", "def f():\n    import torch", "rules imports torch"),
        ("cli/a.py", "from torchladder.ladder import climb", "cli imports ladder outside a function"),
        ("specimens/a.py", "from torchladder import core", "specimens import nothing of ours"),
    ],
)
def test_a_wrong_import_is_named(check_layers: ModuleType, tmp_path: Path, file: str, text: str, expected: str) -> None:
    """The checker sees what it is there to see."""
    for package in ("core", "rules", "ladder", "cli", "specimens"):
        (tmp_path / package).mkdir()
    (tmp_path / file).write_text(text)

    (found,) = check_layers.violations(tmp_path)
    assert found.endswith(expected)


def test_an_import_for_types_only_is_no_import(check_layers: ModuleType, tmp_path: Path) -> None:
    """What only the type checker sees costs nothing at run time."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "ladder").mkdir()
    (tmp_path / "cli" / "a.py").write_text("if TYPE_CHECKING:\n    from torchladder.ladder import climb\n")

    assert check_layers.violations(tmp_path) == []
