"""The JSON form of a report."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.snapshots.reports import BROKEN, PAGES
from torchladder.core.errors import UsageError
from torchladder.core.report import Report
from torchladder.report.json import check_writable, dumps, load, loads, write
from torchladder.report.schema import report_schema

PUBLISHED = ("schema", "tool", "script", "verdict", "sentence", "cause", "findings", "rungs", "environment")


@pytest.mark.parametrize("report", PAGES.values(), ids=PAGES)
def test_a_report_comes_back_as_it_went(report: Report) -> None:
    """Nothing is lost on the way."""
    assert report == loads(dumps(report))


@pytest.mark.parametrize("report", PAGES.values(), ids=PAGES)
def test_a_report_fits_the_published_schema(report: Report) -> None:
    """The schema describes what is written."""
    jsonschema.validate(json.loads(dumps(report)), report_schema())


def test_the_keys_come_in_the_published_order() -> None:
    """Readers of the raw file find the verdict first."""
    assert tuple(json.loads(dumps(BROKEN)))[: len(PUBLISHED)] == PUBLISHED


def test_an_earlier_report_is_overwritten_and_anything_else_is_not(tmp_path: Path) -> None:
    """Nothing that is not ours is lost without --force."""
    file = tmp_path / "report.json"
    write(BROKEN, file)
    write(BROKEN, file)
    other = tmp_path / "weights.json"
    other.write_text('{"mine": 1}')

    with pytest.raises(UsageError, match="not a torchladder report"):
        check_writable(other)
    assert load(tmp_path) == BROKEN
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.json", "weights.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "not a torchladder report"),
        (dumps(BROKEN).replace('"schema": 1', '"schema": 99'), "schema 99"),
        (dumps(BROKEN).replace('"severity": "error"', '"severity": "loud"'), "is damaged"),
    ],
)
def test_what_is_not_a_report_is_refused_in_a_sentence(text: str, words: str) -> None:
    """A damaged record is a usage error, not a traceback."""
    with pytest.raises(UsageError, match=words):
        loads(text)
