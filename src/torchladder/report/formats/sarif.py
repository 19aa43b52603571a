"""SARIF 2.1.0, as code-scanning services read it: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html ."""

import hashlib
import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from torchladder.core.findings import Finding, Place
from torchladder.core.report import Report
from torchladder.report.pages import markdown, split
from torchladder.report.text import clean, measured
from torchladder.rules.registry import find_rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report) -> str:
    """Return the log: one run of the tool, with the rules that fired and a result for each finding."""
    codes = list(dict.fromkeys(f.code for f in report.findings))
    driver = {
        "name": "torchladder",
        "version": report.tool,
        "semanticVersion": report.tool,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(f, codes.index(f.code)) for f in report.findings],
        "invocations": [{"executionSuccessful": report.error is None, "commandLine": clean(report.script)}],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _rule(code: str) -> dict[str, Any]:
    rule = find_rule(code)
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": split(rule)[0]},
        "help": {"text": split(rule)[0], "markdown": markdown(rule)},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    words = [
        clean(finding.message),
        *(measured(m) for m in finding.seen),
        *(f"help: {clean(f.title)}" for f in finding.fixes),
    ]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": ". ".join(words)},
        "partialFingerprints": {"torchladder/v1": fingerprint(finding)},
    }
    if finding.where:
        result["locations"] = [_location(finding.where[0])]
        result["relatedLocations"] = [{"id": n, **_location(p)} for n, p in enumerate(finding.where[1:], 1)]
    return result


def _location(place: Place) -> dict[str, Any]:
    region: dict[str, int] = {"startLine": place.line}
    if place.end_line is not None and place.end_line >= place.line:
        region["endLine"] = place.end_line
    uri = quote(PurePath(clean(place.path)).as_posix())
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def fingerprint(finding: Finding) -> str:
    """Return what stays the same of a finding when lines above it are added: its rule, file, function and module."""
    place = finding.where[0] if finding.where else None
    parts = [finding.code, place.path if place else "", (place.function if place else None) or "", finding.module or ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
