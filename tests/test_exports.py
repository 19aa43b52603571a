"""The public names are exactly what is meant, and cost no torch import."""

import subprocess
import sys

import pytest

import torchladder

PUBLIC = [
    "Finding",
    "Fix",
    "InternalError",
    "LadderError",
    "ProgramError",
    "Report",
    "UsageError",
    "__version__",
    "all_rules",
    "check_gradients",
    "climb",
    "explain",
    "load",
    "resurrect",
    "seed_everything",
    "summary",
    "watch",
]


def test_the_exports_are_exactly_these() -> None:
    """A new public name is a decision, written down here."""
    assert PUBLIC == torchladder.__all__ == sorted(torchladder.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_export_is_there(name: str) -> None:
    """Each lazy name leads to something."""
    assert getattr(torchladder, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy lookup behaves as a module does."""
    with pytest.raises(AttributeError, match="no attribute 'clmb'"):
        _ = torchladder.clmb


def test_importing_costs_no_torch() -> None:
    """What needs no torch does not load it."""
    code = (
        "import sys, torchladder; torchladder.all_rules(); torchladder.explain; torchladder.load; torchladder.Report;"
        "import torchladder.report.terminal, torchladder.cli.main; assert 'torch' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
