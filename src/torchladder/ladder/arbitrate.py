"""Many findings, one cause: a finding that another one explains is its symptom."""

import dataclasses
from collections.abc import Sequence

from torchladder.core.findings import Finding, Severity
from torchladder.rules.registry import Rule, all_rules

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def explained_by(rules: Sequence[Rule]) -> dict[str, set[str]]:
    """Return code -> every code that explains it, directly or through others."""
    direct = {r.code: set(r.explains) for r in rules}
    table: dict[str, set[str]] = {}
    for cause, named in direct.items():
        seen: set[str] = set()
        queue = list(named)
        while queue:
            code = queue.pop()
            if code in seen or code == cause:
                continue
            seen.add(code)
            queue += direct.get(code, ())
        for code in seen:
            table.setdefault(code, set()).add(cause)
    return table


def is_verified(finding: Finding) -> bool | None:
    """Return True when a fix cured the run, False when every one tried failed, None when none was tried."""
    outcomes = [f.verified for f in finding.fixes if f.verified is not None]
    return None if not outcomes else any(outcomes)


def order(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, the root cause first and symptoms marked and last.

    A verified cause goes before an unverified one of the same severity; then the lower rung.
    """
    table = explained_by(all_rules())
    codes = {f.code for f in findings if f.severity is not Severity.NOTE}
    marked = []
    for f in findings:
        causes = sorted(table.get(f.code, set()) & codes)
        mutual = [c for c in causes if f.code in table.get(c, set())]
        causes = [c for c in causes if c not in mutual]
        marked.append(dataclasses.replace(f, symptom_of=causes[0] if causes else None))
    proof = {True: 0, None: 1, False: 2}
    return sorted(
        marked,
        key=lambda f: (f.symptom_of is not None, _RANK[f.severity], proof[is_verified(f)], f.rung, f.code),
    )
