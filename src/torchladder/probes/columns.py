"""Names of a table's columns, where the program writes them down: a list of as many words as there are columns."""

import ast
import sys
from pathlib import Path

from torchladder.core.findings import Place
from torchladder.runner.place import is_user_code, relative


def column(count: int, index: int) -> tuple[str | None, Place | None]:
    """Return the name of a column and the line that writes it, (None, None) when no one list fits."""
    found: dict[tuple[str, ...], tuple[str, Place]] = {}
    for file in user_files():
        try:
            tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) != count:
                continue
            words = tuple(e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str))
            if len(set(words)) == count:
                found.setdefault(words, (words[index], Place(relative(file), node.elts[index].lineno)))
    return next(iter(found.values())) if len(found) == 1 else (None, None)


def user_files() -> list[str]:
    """Return the program's own source files that are loaded."""
    files = {getattr(m, "__file__", None) for m in list(sys.modules.values())}
    return sorted(f for f in files if f and f.endswith(".py") and is_user_code(f))
