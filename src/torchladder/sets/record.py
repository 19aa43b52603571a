"""What `data split` wrote of a split, found again beside the sides that are read now."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RECORD = "split.json"
PLANNED = ("by ", "in time ")  # beginnings of the parts of a rule by which sides differ, as no random split does


def record_of(path: Path) -> dict[str, Any] | None:
    """Return the record of the split that a file or a folder is a side of, None where there is none."""
    try:
        found = json.loads((path.parent / RECORD).read_text(encoding="utf-8"))
        files = {str(side["file"]) for side in found["sides"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if path.name in files else None


def root_of(path: Path) -> str | None:
    """Return the folder below which the pictures lie that a side lists, None where nobody wrote it down."""
    root = (record_of(path) or {}).get("root")
    return root if isinstance(root, str) else None


def plan_of(rule: str) -> str | None:
    """Return by what a split was made other than at random: "by scene", "by group `user`", "in time by `day`"."""
    parts = [p for p in rule.split(", ") if p.startswith(PLANNED)]
    return ", ".join(parts) or None


def plan_of_sides(names: Sequence[str]) -> str | None:
    """Return the same for sides by their names, None unless all of them are sides of one split."""
    rules = [str((record_of(Path(name)) or {}).get("rule", "")) for name in names]
    return plan_of(rules[0]) if len({(Path(n).parent, r) for n, r in zip(names, rules, strict=True)}) == 1 else None
