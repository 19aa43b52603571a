"""Diffs are applied strictly."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchladder.report.patch import PatchError, apply, parse

lines = st.lists(st.sampled_from(["a = 1", "b = 2", "", "    c()", "# d"]), min_size=1, max_size=20)


@given(lines, lines)
def test_a_diff_turns_the_old_text_into_the_new(old: list[str], new: list[str]) -> None:
    """Whatever difflib writes, this applies."""
    diff = "\n".join(difflib.unified_diff(old, new, "a/train.py", "b/train.py", lineterm=""))
    if old == new:
        with pytest.raises(PatchError):
            parse(diff)
        return
    (one,) = parse(diff)

    assert "\n".join([*new, ""]) == apply(one, "\n".join([*old, ""]))
    assert one.path == "train.py"


def test_a_changed_file_is_left_alone() -> None:
    """A context line that is not there stops everything."""
    (one,) = parse("--- a/t.py\n+++ b/t.py\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n")

    with pytest.raises(PatchError, match="has changed near line 1"):
        apply(one, "x = 1\ny = 4\n")


def test_line_ends_stay() -> None:
    """A file with Windows line ends keeps them."""
    (one,) = parse("--- a/t.py\n+++ b/t.py\n@@ -2 +2 @@\n-y = 2\n+y = 3\n")

    assert apply(one, "x = 1\r\ny = 2\r\n") == "x = 1\r\ny = 3\r\n"
