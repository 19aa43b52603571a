"""Annotations of GitHub Actions: a line for each finding, shown at the user's line in a pull request.

The form: https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
"""

from torchladder.core.findings import Finding
from torchladder.core.report import Report
from torchladder.report.text import clean, measured

LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report) -> str:
    """Return the workflow commands, one for each finding; a program that failed by itself is an error."""
    lines = [_line(f) for f in report.findings]
    if report.error is not None:
        lines.append(f"::error title=torchladder::{_value(report.sentence)}")
    return "".join(f"{line}\n" for line in lines)


def _line(finding: Finding) -> str:
    parts = {"title": f"{finding.code} {finding.name}"}
    if finding.where:
        place = finding.where[0]
        parts = {"file": place.path, "line": str(place.line), **parts}
        if place.end_line is not None:
            parts["endLine"] = str(place.end_line)
    words = [
        finding.message,
        *(measured(m) for m in finding.seen[:1]),
        *(f"help: {f.title}" for f in finding.fixes[:1]),
    ]
    settings = ",".join(f"{k}={_property(v)}" for k, v in parts.items())
    return f"::{LEVELS[finding.severity.value]} {settings}::{_value('; '.join(words))}"


def _value(text: str) -> str:
    return clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _value(text).replace(":", "%3A").replace(",", "%2C")
