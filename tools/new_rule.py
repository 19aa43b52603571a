"""Scaffold a rule: one file that fails the contract test until it is filled in.

usage: python tools/new_rule.py NAME CODE [FAMILY]      such as: python tools/new_rule.py loss-broadcast TL301
"""

import re
import sys
from pathlib import Path

from torchladder.rules.registry import FAMILIES, Family, find_rule

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "src" / "torchladder" / "rules"

TEMPLATE = '''"""FILL IN: one sentence that says what is wrong.

## What is wrong
FILL IN

## Why it hurts
FILL IN

## How it is found
FILL IN

## What to do
FILL IN

## When it is a false alarm
FILL IN

## Sources
FILL IN
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Severity
from torchladder.rules.registry import Plant, limit, rule


@dataclass(frozen=True, slots=True)
class Limits:
    """When enough has been seen."""

    min_steps: float = limit(2, unit="steps", why="FILL IN")


@rule(
    "{code}",
    rung=3,
    severity=Severity.WARNING,
    needs=("curves",),
    limits=Limits,
    plants=(Plant("regression", "FILL IN: a passage that occurs once", "FILL IN: the bug"),),
    near_misses=(Plant("regression", "FILL IN: the same passage", "FILL IN: an innocent change"),),
)
def {function}(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Yield one finding for FILL IN."""
    for curve in facts.curves or ():
        if len(curve.losses) >= limits.min_steps:
            yield {function}.finding("FILL IN: what is, lower case, no full stop", phase=curve.phase)
'''


def problem(name: str, code: str) -> str | None:
    """Return why this name and code cannot be used, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        return f"{name!r} is not a name such as loss-broadcast"
    if not re.fullmatch(rf"TL[{''.join(FAMILIES)}]\d\d", code):
        return f"{code!r} is not a code such as TL301"
    for key in (name, code):
        taken = find_rule(key)
        if taken:
            return f"{key} is taken by {taken.code} {taken.name}"
    return None


def main(argv: list[str]) -> int:
    """Write the file and say where it is."""
    if len(argv) not in {2, 3}:
        print(__doc__)
        return 2
    name, code = argv[0], argv[1].upper()
    why = problem(name, code)
    if why:
        print(f"new_rule: {why}")
        return 2
    family = Family(argv[2]) if len(argv) > 2 else FAMILIES[code[2]]  # noqa: PLR2004 - the optional third word
    function = name.replace("-", "_")
    file = RULES / family.value / f"{function}.py"
    if file.exists():
        print(f"new_rule: {file.relative_to(ROOT)} exists")
        return 2
    file.write_text(TEMPLATE.format(code=code, function=function), encoding="utf-8")
    print(f"{file.relative_to(ROOT)}\nNext: fill it in, then: make test")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
