"""Known findings: written once, read again, and only by those who write them."""

import dataclasses

import pytest

from tests.snapshots.reports import BROKEN
from torchladder.core.errors import UsageError
from torchladder.report.baseline import is_known, load, write


def test_what_was_written_is_known(tmp_path):
    """And what is new is not."""
    file = tmp_path / "known.json"
    assert write(BROKEN.findings, file) == len(BROKEN.findings)
    known = load(file)

    assert all(is_known(f, known) for f in BROKEN.findings)
    assert not is_known(dataclasses.replace(BROKEN.findings[0], code="TL999"), known)
    write((), file)
    assert load(file) == frozenset()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "other", "known": []}', '{"kind": "torchladder baseline"}'])
def test_another_file_is_neither_read_nor_overwritten(tmp_path, text):
    """One sentence, and the file is as it was."""
    file = tmp_path / "known.json"
    file.write_text(text)

    with pytest.raises(UsageError, match="not a baseline"):
        load(file)
    with pytest.raises(UsageError, match="not a baseline"):
        write(BROKEN.findings, file)
    assert file.read_text() == text


def test_a_baseline_that_is_not_there(tmp_path):
    """The sentence says how to make one."""
    with pytest.raises(UsageError, match="--write-baseline"):
        load(tmp_path / "none.json")
