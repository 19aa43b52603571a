"""Settings of a loader are written into its call."""

import pytest

from tests.patches.test_edits import edited

PLAIN = """\
from torch.utils.data import DataLoader
train = DataLoader(data, batch_size=32, shuffle=True)
"""


def test_settings_are_added_as_keywords():
    """At the end of the call."""
    text = edited(PLAIN, "loader_settings", [2], num_workers=2, persistent_workers=True) or ""

    assert "DataLoader(data, batch_size=32, shuffle=True, num_workers=2, persistent_workers=True)" in text


def test_a_setting_that_is_there_gets_its_new_value():
    """In its place."""
    plain = PLAIN.replace("shuffle=True", "num_workers=0, shuffle=True")
    text = edited(plain, "loader_settings", [2], num_workers=4) or ""

    assert "DataLoader(data, batch_size=32, num_workers=4, shuffle=True)" in text


@pytest.mark.parametrize(
    ("text", "args"),
    [
        (PLAIN.replace("shuffle=True", "**options"), {"num_workers": 2}),  # it may be in there
        (PLAIN.replace("shuffle=True", "num_workers=2, persistent_workers=True"), {"num_workers": 0}),
        (PLAIN, {"batched": True}),  # more than a keyword
        (PLAIN, {}),
    ],
)
def test_what_cannot_be_written_safely_is_not(text, args):
    """No diff is better than a wrong one."""
    assert edited(text, "loader_settings", [2], **args) is None
