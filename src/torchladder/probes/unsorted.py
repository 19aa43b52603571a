"""Lines that put names in the order of their text: where files fall out of step with a numbered list."""

import ast
from pathlib import Path

from torchladder.core.findings import Place
from torchladder.probes.columns import user_files
from torchladder.runner.place import relative

SORTING = ("sorted", "sort")
LISTING = ("glob", "rglob", "iglob", "listdir", "iterdir", "scandir")


def text_order() -> Place | None:
    """Return the line that sorts without a key, else the line that lists files, None where there is neither."""
    sorting, listing = [], []
    for file in user_files():
        try:
            tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = Place(relative(file), node.lineno)
            if name in SORTING and not any(k.arg == "key" for k in node.keywords):
                sorting.append(place)
            elif name in LISTING:
                listing.append(place)
    return next(iter(sorting or listing), None)
