"""Where a number of the program was written: its only literal, when there is just one."""

import ast
from collections.abc import Callable, Iterable

from torchladder.core.facts import Facts
from torchladder.core.findings import Finding, Place

# Rules whose fix is another number in the user's file: the option of the optimizer that the number is.
OPTIONS = {"TL401": "lr", "TL402": "lr", "TL411": "weight_decay", "TL412": "momentum"}
CLIPPING = "TL414"


def number_of(finding: Finding, facts: Facts) -> float | None:
    """Return the number a finding is about: a rate, a decay, a limit; None when it is about none."""
    if finding.code == CLIPPING:
        return next((c.limit for c in facts.clips or () if c.phase == finding.phase), None)
    option = OPTIONS.get(finding.code)
    optimizer = next((o for o in facts.optimizers or () if o.phase == finding.phase), None)
    if option is None or optimizer is None or not optimizer.groups:
        return None
    group = optimizer.groups[0]
    value = group.get("initial_lr", group.get("lr")) if option == "lr" else group.get(option)
    return float(value) if value else None


def literal_place(value: float, files: Iterable[str], read: Callable[[str], str | None]) -> Place | None:
    """Return the line of the only literal equal to ``value`` in the given files, else None."""
    found = []
    for path in dict.fromkeys(files):
        source = read(path)
        try:
            tree = ast.parse(source or "")
        except SyntaxError:
            continue
        found += [
            Place(path, node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and type(node.value) in {int, float} and node.value == value
        ]
    return found[0] if len(found) == 1 else None
