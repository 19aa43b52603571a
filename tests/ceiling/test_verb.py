"""The verb: exit statuses, the report, the sentence about each pipeline that cannot be used."""

import json
from pathlib import Path

import pytest

from torchladder.cli.main import main

GOOD = """
def double(x): return 2 * x
def odd(x): return x + (x % 3 == 0)
STAGES = {"double": double, "odd": odd}
ITEMS = [{"input": i, "double": 2 * i, "odd": 2 * i} for i in range(60)]
def score(output, item): return output == item["odd"]
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def ceiling(text: str, *options: str) -> int:
    """Write the pipeline and return the exit status."""
    Path("p.py").write_text(text)
    return main(["ceiling", *options, "p.py"])


def test_the_stage_that_errs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """It is first, with its gain; JSON holds both gains of every stage and the ranking; the picture is a PNG."""
    assert ceiling(GOOD, "--json", "r.json", "--png", "r.png") == 0
    report = json.loads(Path("r.json").read_text())
    facts = report["rungs"][0]["facts"]

    assert facts["ranking"] == ["odd", "double"]
    assert facts["stages"][1]["in_order"]["gain"] == pytest.approx(1 / 3)
    assert facts["stages"][0]["in_order"]["gain"] == 0.0
    assert "work on odd first" in capsys.readouterr().out
    assert Path("r.png").read_bytes().startswith(b"\x89PNG")


def test_a_pipeline_that_is_right_has_nothing_to_gain() -> None:
    """It is healthy, and no stage is named as the one to work on."""
    assert ceiling(GOOD.replace("x + (x % 3 == 0)", "x"), "--json", "r.json") == 0
    assert json.loads(Path("r.json").read_text())["sentence"].startswith("nothing to gain")


def test_a_gain_that_may_be_chance_is_not_ranked() -> None:
    """Right answers that help 31 items and hurt 29 tell nothing: the verdict is undecided."""
    text = """
STAGES = {"guess": lambda x: 0}
ITEMS = [{"input": i, "guess": 1 if i < 31 else -1} for i in range(60)]
def score(output, item): return output
"""
    assert ceiling(text, "--json", "r.json") == 5
    assert "cannot tell from nothing" in json.loads(Path("r.json").read_text())["sentence"]


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        (("def odd(x): return", "def odd(x): return 1 / (x - 24) and"), 3,
         "stage odd on item 12 failed at p.py:3: ZeroDivisionError: division by zero"),
        (('"double": 2 * i,', '"double": "7",'), 3,
         "stage odd on item 0, given the true double (a str; the stage returns a int), failed at p.py:3: TypeError"),
        (("STAGES", "STEPS"), 2, "p.py declares no pipeline; it needs STAGES = {"),
        (("ITEMS", "THINGS"), 2, "p.py has no items"),
        (('"input": i', '"in": i'), 2, "item 0 of p.py is no mapping with an 'input'"),
        (('"double": 2 * i, "odd": 2 * i', '"truth": 2 * i'), 2, "the stages are double, odd, the items have truth"),
        (("def score", "def result"), 2, "says nowhere how good a result is"),
        (("def odd(x)", "def odd(x, scale)"), 2, "stage odd takes 'scale', which is neither 'input' nor a stage"),
        (('"odd": odd', '"odd": 3'), 2, "stage odd of p.py is a int, not a function"),
        (("range(60)", "range(1)"), 2, "p.py gives 1 item; a ranking of stages needs many"),
        (('== item["odd"]', 'and "good"'), 2, "which is not a number"),
        (('output == item["odd"]', 'float("nan")'), 3, "cannot be averaged"),
        (("def double", "def double("), 3, "SyntaxError"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_gets_one_sentence(
    change: tuple[str, str], status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the stage and the item, or what is missing, and there is no traceback."""
    assert ceiling(GOOD.replace(*change)) == status
    said = capsys.readouterr().err

    assert sentence in said
    assert "Traceback" not in said


def test_a_mistake_in_the_command_is_a_matter_of_usage() -> None:
    """A file that is not there or is no Python, a seed below 0, a picture that is no PNG."""
    Path("p.txt").write_text("")

    assert main(["ceiling", "none.py"]) == 2
    assert main(["ceiling", "p.txt"]) == 2
    assert ceiling(GOOD, "--seed", "-1") == 2
    assert ceiling(GOOD, "--png", "p.jpg") == 2
