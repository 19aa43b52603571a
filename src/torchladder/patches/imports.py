"""A name of the standard library, imported where the file does not do so yet. Not an edit."""

import sys

import libcst as cst

from torchladder.patches.evaluating import bound
from torchladder.patches.source import New, Source


def spelled_or_imported(source: Source, module: str, name: str) -> tuple[str, dict[cst.CSTNode, New]] | None:
    """Return how the file can write ``module.name``, and the import that it needs for that, if any.

    None where the module's name means something else in the file.
    """
    known = source.spelled(f"{module}.{name}")
    if known is not None:
        return known, {}
    taken = bound(source, source.module) | {p.name.value for p in source.every(cst.Param)}
    taken |= {d.name.value for d in source.every(cst.FunctionDef)} | {d.name.value for d in source.every(cst.ClassDef)}
    first = next((s for s in source.module.body if _is_import(s)), None)
    if module in taken or not isinstance(first, cst.SimpleStatementLine) or any(s.comment for s in first.leading_lines):
        return None
    fresh = source.line(f"import {module}").with_changes(leading_lines=first.leading_lines)
    apart = [] if _is_standard(source, first) else [cst.EmptyLine(indent=False)]
    return f"{module}.{name}", {first: cst.FlattenSentinel([fresh, first.with_changes(leading_lines=apart)])}


def _is_import(statement: cst.BaseStatement) -> bool:
    """Tell whether a statement is an import that others may stand above."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if isinstance(small, cst.ImportFrom) and isinstance(small.module, cst.Name) and small.module.value == "__future__":
        return False
    return isinstance(small, cst.Import | cst.ImportFrom)


def _is_standard(source: Source, statement: cst.SimpleStatementLine) -> bool:
    """Tell whether an import brings something of the standard library, beside which ours may stand."""
    root = source.code(statement).split()[1].partition(".")[0].rstrip(",")
    return root in sys.stdlib_module_names
