"""Findings that the user has answered in the source: ``# torchladder: ignore[TL208]`` on one of their lines."""

import re
from collections.abc import Callable

from torchladder.core.findings import Finding, Place

COMMENT = re.compile(r"#\s*torchladder:\s*ignore(?:\[([^\]]*)\])?", re.IGNORECASE)
LONGEST = 50  # lines of a statement that are searched


def ignored_at(finding: Finding, read: Callable[[str], list[str] | None]) -> Place | None:
    """Return the place of a finding whose line has a comment that ignores it; None when none has.

    Args:
        finding: With its places.
        read: Returns the lines of a source file, or None when it is not there.
    """
    for place in finding.where:
        lines = read(place.path) or []
        last = min(place.end_line or place.line, place.line + LONGEST, len(lines))
        if any(_covers(lines[n - 1], finding) for n in range(place.line, last + 1) if n >= 1):
            return place
    return None


def _covers(line: str, finding: Finding) -> bool:
    found = COMMENT.search(line)
    if found is None:
        return False
    words = {w.strip().lower() for w in (found[1] or "").split(",") if w.strip()}
    return not words or bool(words & {finding.code.lower(), finding.name.lower()})
