"""Which package may import which: read from the source, nothing is imported.

``cli`` may import everything, but what it may not name at the top of a file (torch, and the packages that
import it) it names inside functions. ``specimens`` are the patients and import nothing of ours.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "torchladder"

ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "rules": {"core"},
    "report": {"core", "rules"},
    "webpage": {"core", "rules", "report"},
    "runner": {"core"},
    "data": {"core"},
    "sets": {"core"},
    "inspection": {"core", "data", "rules", "ladder", "runner", "sets"},
    "splitting": {"core", "data", "inspection", "sets"},
    "batches": {"core", "data", "inspection", "ladder", "probes", "runner", "sets"},
    "probes": {"core", "data", "runner"},
    "experiments": {"core", "data", "probes", "runner"},
    "feeding": {"core", "rules", "runner", "ladder", "patches"},
    "patches": {"core"},
    "scaling": {"core", "rules"},
    "logs": {"core"},
    "diagnosis": {"core", "logs", "rules"},
    "gradients": {"core", "rules", "live"},
    "ceiling": {"core"},
    "mistakes": {"core", "data", "inspection", "report", "sets"},
    "ladder": {"core", "rules", "runner", "probes", "experiments", "patches"},
    "monitor": {"core", "checkpoints", "probes", "report", "rules", "runner", "runs"},
    "runs": {"core"},
    "checkpoints": {"core"},
    "integrations": {"core", "runs", "monitor"},
    "training": {"core", "sets", "inspection", "runs", "checkpoints", "monitor", "report", "live", "gradients"},
    "ablation": {"core", "checkpoints", "report", "runs", "training"},
    "live": {"core", "report", "runner", "ladder", "checkpoints"},
    "cli": {"core", "rules", "report"},
    "testing": {"core", "report"},
    "agents": {"", "core", "report"},
    "specimens": set(),
    "": {"core", "cli"},
}
INSIDE_FUNCTIONS: dict[str, set[str]] = {
    "cli": {"ladder", "runner", "probes", "experiments", "scaling", "monitor", "runs", "integrations"}
    | {"logs", "diagnosis", "sets", "splitting", "batches", "inspection", "feeding", "gradients", "webpage"}
    | {"ceiling", "mistakes", "training", "agents", "ablation"}
}
WITHOUT_TORCH = {"", "core", "rules", "report", "patches", "scaling", "cli", "data", "runs", "sets", "inspection"} | {
    "webpage", "logs", "diagnosis", "ceiling", "mistakes",
}  # fmt: skip


def package_of(file: Path, source: Path) -> str:
    """Return the name of the package a file belongs to, "" for the files at the top."""
    parts = file.relative_to(source).parts
    return parts[0] if len(parts) > 1 else ""


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        if node.module == "torchladder":
            yield from (f"torchladder.{alias.name}" for alias in node.names)
        else:
            yield node.module


def statements(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node with whether it is inside a function, leaving out ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node, inside
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from statements(node, inside=deeper)


def complaint(package: str, name: str, *, inside: bool, packages: set[str]) -> str | None:
    """Return what is wrong with ``package`` importing ``name``, or None."""
    parts = name.split(".")
    if parts[0] == "torch":
        if package in WITHOUT_TORCH and not (package == "cli" and inside):
            return f"{package or 'torchladder'} imports torch"
        return None
    if parts[0] != "torchladder":
        return None
    if package == "specimens":
        return "specimens import nothing of ours"
    target = parts[1] if len(parts) > 1 and parts[1] in packages else ""
    if target in {"", package} or target in ALLOWED.get(package, packages):
        return None
    if target in INSIDE_FUNCTIONS.get(package, set()):
        return None if inside else f"{package} imports {target} outside a function"
    return f"{package or 'torchladder'} imports {target}"


def violations(source: Path = SOURCE) -> list[str]:
    """Return every import that crosses a layer the wrong way, as ``path:line: what``."""
    packages = {p.name for p in source.iterdir() if p.is_dir() and p.name.isidentifier()}
    strangers = [p for p in sorted(packages - ALLOWED.keys()) if any((source / p).glob("*.py"))]
    found = [f"{p}: a package without a layer; add it to tools/check_layers.py" for p in strangers]
    for file in sorted(source.rglob("*.py")):
        package = package_of(file, source)
        for node, inside in statements(ast.parse(file.read_text(encoding="utf-8"))):
            for name in imported(node):
                what = complaint(package, name, inside=inside, packages=packages)
                if what:
                    found.append(f"{file.relative_to(source)}:{getattr(node, 'lineno', 0)}: {what}")
    return found


def main() -> int:
    """Print the violations; 1 when there are any."""
    found = violations()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
