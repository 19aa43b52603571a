"""Diffs: which fixes get one, from which files, and that they apply."""

from pathlib import Path

import pytest

from torchladder.core.findings import Change, Finding, Fix, Place, Severity
from torchladder.patches import diff_for, with_diffs
from torchladder.patches.patch import read_inside, unified
from torchladder.report.patch import apply, parse

TEXT = "import torch\ny = torch.relu(x)\n"
CHANGE = Change("skip_call", {"path": "train.py", "line": 2, "function": "relu"})


def finding(*fixes: Fix) -> Finding:
    return Finding("TL203", "relu-before-loss", Severity.ERROR, 3, "m", where=(Place("train.py", 2),), fixes=fixes)


def test_a_diff_names_its_file_and_applies() -> None:
    """As ``git apply`` and ``torchladder fix`` read it."""
    diff = diff_for(finding(), Fix("fix", change=CHANGE), {"train.py": TEXT}.__getitem__)

    assert diff == "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n import torch\n-y = torch.relu(x)\n+y = x\n"


@pytest.mark.parametrize("text", [TEXT.replace("\n", "\r\n"), TEXT.rstrip("\n")])
def test_line_ends_survive(text: str) -> None:
    """Whether the lines end as on Windows, or the last not at all."""
    diff = diff_for(finding(), Fix("fix", change=CHANGE), {"train.py": text}.__getitem__)
    assert diff is not None
    (one,) = parse(diff)

    assert text.replace("torch.relu(x)", "x") == apply(one, text)


@pytest.mark.parametrize("text", ["y = 'a\x0cb'\n", "y = 'a\u2028b'\n", "x = 1\ry = 2\n"])
def test_a_text_that_a_diff_cannot_hold(text: str) -> None:
    """Marks at which other programs break lines differently."""
    assert unified("train.py", text, text + "z = 1\n") is None


@pytest.mark.parametrize("text", ["def f(:\n", '{"cells": []', "y = relu(x)\n"])
def test_no_program_no_diff(text: str) -> None:
    """Neither for what does not parse nor for what holds no such call."""
    assert diff_for(finding(), Fix("fix", change=CHANGE), {"train.py": text}.__getitem__) is None


def test_only_the_fix_that_works_gets_a_diff(tmp_path: Path) -> None:
    """Those that were not tried get one only if none was verified; those refuted never."""
    (tmp_path / "train.py").write_text(TEXT)
    untried, works, refuted = (
        Fix("a", change=CHANGE),
        Fix("b", change=CHANGE, verified=True),
        Fix("c", change=CHANGE, verified=False),
    )

    def which(*fixes: Fix) -> list[bool]:
        return [fix.diff is not None for fix in with_diffs(finding(*fixes), tmp_path).fixes]

    assert which(works, untried, refuted) == [True, False, False]
    assert which(untried, refuted) == [True, False]
    assert which(Fix("d")) == [False]


def test_files_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    """A diff is for the user's own files."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out.py").write_text("x = 1\n")
    (tmp_path / "in" / "nb.ipynb").write_text("{}")

    for path in ("../out.py", str(tmp_path / "out.py"), "nb.ipynb"):
        with pytest.raises(ValueError, match="no Python file"):
            read_inside(tmp_path / "in", path)


def test_lines_that_stay_keep_the_ends_they_have() -> None:
    """Also where a file mixes them; new lines end like those they replace, and the last as before."""
    text = "a = 1\r\nb = 2\nc = 3\r\nd = 4\n"
    diff = unified("train.py", text, "a = 1\nb = 2\nx = 0\nc = 5\ny = 6\nd = 4\n")
    assert diff is not None
    (one,) = parse(diff)

    assert apply(one, text) == "a = 1\r\nb = 2\nx = 0\r\nc = 5\r\ny = 6\r\nd = 4\n"
    assert apply(one, text.rstrip()) == "a = 1\r\nb = 2\nx = 0\r\nc = 5\r\ny = 6\r\nd = 4"
