"""Findings that are known already: a file of them, so that only new ones fail a build."""

import json
from collections.abc import Iterable
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.core.findings import Finding
from torchladder.report.formats.sarif import fingerprint
from torchladder.report.text import clean

KIND = "torchladder baseline"


def load(path: Path) -> frozenset[str]:
    """Return the fingerprints in a baseline file.

    Raises:
        UsageError: If there is none, or it is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = frozenset(str(row["fingerprint"]) for row in data["known"]) if data.get("kind") == KIND else None
    except FileNotFoundError:
        msg = f"there is no baseline {path}; --write-baseline {path} makes one"
        raise UsageError(msg) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        known = None
    if known is None:
        msg = f"{path} is not a baseline of torchladder; --write-baseline makes one"
        raise UsageError(msg)
    return known


def check_writable(path: Path) -> None:
    """Make sure that a baseline may be written: a new file, or an earlier baseline.

    Raises:
        UsageError: If not.
    """
    if not path.parent.is_dir():
        msg = f"the folder {path.parent} does not exist"
        raise UsageError(msg)
    if path.exists():
        load(path)


def write(findings: Iterable[Finding], path: Path) -> int:
    """Write a baseline of these findings; return how many.

    Raises:
        UsageError: If it cannot be written.
    """
    check_writable(path)
    rows = {
        fingerprint(f): {
            "fingerprint": fingerprint(f), "code": f.code, "name": f.name,
            "where": clean(str(f.where[0])) if f.where else None, "message": clean(f.message),
        }
        for f in findings
    }  # fmt: skip
    try:
        text = json.dumps({"kind": KIND, "schema": 1, "known": list(rows.values())}, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from None
    return len(rows)


def is_known(finding: Finding, known: frozenset[str]) -> bool:
    """Tell whether a finding is in a baseline."""
    return fingerprint(finding) in known
