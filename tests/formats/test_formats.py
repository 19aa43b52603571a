"""A report in the forms of other tools: valid by their schema, complete, and safe with a user's words in it."""

import dataclasses
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from tests.snapshots.reports import BROKEN, CRASHED, HEALTHY, PAGES
from torchladder.cli.outputs import text_of
from torchladder.core.findings import Place
from torchladder.report.formats.sarif import fingerprint

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_sarif_is_valid(name):
    """By the schema of the standard, for every kind of report."""
    log = json.loads(text_of(PAGES[name], "sarif"))

    jsonschema.Draft7Validator(SCHEMA).validate(log)
    assert len(log["runs"][0]["results"]) == len(PAGES[name].findings)


def test_sarif_names_rule_place_and_help():
    """The first result is the cause, at its line."""
    run = json.loads(text_of(BROKEN, "sarif"))["runs"][0]
    first, cause = run["results"][0], BROKEN.cause
    place = first["locations"][0]["physicalLocation"]

    assert first["ruleId"] == cause.code
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["name"] == cause.name
    assert place["artifactLocation"]["uri"] == cause.where[0].path
    assert place["region"]["startLine"] == cause.where[0].line


def test_a_fingerprint_survives_lines_that_are_added_above():
    """Another line number is the same finding; another function or rule is not."""
    cause = BROKEN.cause
    assert cause is not None
    place = cause.where[0]
    moved = dataclasses.replace(cause, where=(dataclasses.replace(place, line=place.line + 7),))
    elsewhere = dataclasses.replace(cause, where=(Place(place.path, place.line, function="other"),))

    assert fingerprint(moved) == fingerprint(cause)
    assert fingerprint(elsewhere) != fingerprint(cause)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_junit_is_xml_with_a_case_for_each_rung(name):
    """Failures are counted as they are listed."""
    report = PAGES[name]
    suites = ET.fromstring(text_of(report, "junit").encode())
    suite = suites[0]
    cases = suite.findall("testcase")

    assert len(cases) == len(report.rungs) + (report.error is not None) == int(suite.get("tests"))
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures"))
    assert len(suite.findall("testcase/error")) == int(suite.get("errors"))


def test_junit_of_a_crash_has_the_traceback():
    """As an error of its own."""
    error = ET.fromstring(text_of(CRASHED, "junit").encode()).find("testsuite/testcase/error")

    assert "Traceback" in (error.text or "")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_github_annotations_are_one_command_a_line(name):
    """A user's line break cannot begin a command of its own."""
    text = text_of(PAGES[name], "github")

    for row in text.splitlines():
        assert re.match(r"::(error|warning|notice) [^\n]*::", row)
    assert text.count("\n") == len(PAGES[name].findings) + (PAGES[name].error is not None)


def test_github_annotations_point_at_the_line():
    """File and line of the cause, and its rule as the title."""
    cause = BROKEN.cause
    first = text_of(BROKEN, "github").splitlines()[0]

    assert f"file={cause.where[0].path},line={cause.where[0].line}" in first
    assert f"title={cause.code} {cause.name}" in first


@pytest.mark.parametrize("name", sorted(PAGES))
def test_markdown_has_every_finding_and_no_html_of_the_users(name):
    """Only the element that folds what was not judged."""
    text = text_of(PAGES[name], "markdown")
    outside = re.sub(r"`[^`\n]*`|```.*?```", "", text, flags=re.DOTALL)

    assert all(f"{f.code} {f.name}" in text for f in PAGES[name].findings)
    assert set(re.findall(r"<(/?\w+)", outside)) <= {"details", "/details", "summary", "/summary"}


def test_markdown_of_a_healthy_report_says_so():
    """In its first line."""
    assert text_of(HEALTHY, "markdown").startswith("## healthy")
