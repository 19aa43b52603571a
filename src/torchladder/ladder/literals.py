"""Where a number of the program was written: its only literal, when there is just one."""

import ast
from collections.abc import Callable, Iterable

from torchladder.core.findings import Place


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
