"""What is known of a split by the record that lies beside its sides."""

import json
from pathlib import Path

import pytest

from torchladder.sets.record import plan_of, plan_of_sides, root_of


@pytest.mark.parametrize(
    ("rule", "plan"),
    [
        ("at random", None),
        ("stratified by `label`", None),
        ("by scene, stratified by `label`", "by scene"),
        ("by group `patient`, in time by `day`", "by group `patient`, in time by `day`"),
    ],
)
def test_a_rule_in_words(tmp_path: Path, rule: str, plan: str | None) -> None:
    """What makes sides differ, and nothing else; only of the files that the split wrote, all of one folder."""
    sides = {s: {"file": f"{s}.csv"} for s in ("train", "val")}
    (tmp_path / "split.json").write_text(json.dumps({"rule": rule, "root": "photos", "sides": sides}))
    names = [str(tmp_path / f"{s}.csv") for s in sides]

    assert plan_of(rule) == plan
    assert plan_of_sides(names) == plan
    assert plan_of_sides([*names, str(tmp_path / "other.csv")]) is None
    assert root_of(tmp_path / "val.csv") == "photos"
    assert root_of(tmp_path / "other.csv") is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sides": {"train": 3}}', '{"sides": []}'])
def test_a_file_that_is_no_record_says_nothing(tmp_path: Path, text: str) -> None:
    """Whatever lies there under that name."""
    (tmp_path / "split.json").write_text(text)

    assert plan_of_sides([str(tmp_path / "train.csv")]) is None
