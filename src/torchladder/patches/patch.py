"""The unified diff of a fix: the edit of its kind, made on the text of the user's file."""

import dataclasses
import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from torchladder.core.encoded import read_source
from torchladder.core.findings import Finding, Fix
from torchladder.patches.case import Case

CONTEXT = 3
# Marks at which `str.splitlines` breaks a line and a diff does not.
ODD_BREAKS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]|\r(?!\n)")


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A diff, and the text in which it leaves its file."""

    diff: str
    path: str
    text: str


def with_diffs(finding: Finding, folder: Path) -> Finding:
    """Return a finding with the diffs of its fixes: of those that were verified, else of those not refuted.

    A fix that works in memory and did not in the edited files gets none.

    Args:
        finding: What was found.
        folder: The program's working folder; files outside it are left alone.
    """
    proven = any(fix.verified for fix in finding.fixes)
    fixes = tuple(
        dataclasses.replace(fix, diff=made.diff)
        if fix.diff is None
        and fix.verified is not False
        and fix.edited is not False
        and (fix.verified or not proven)
        and (made := write(finding, fix, folder)) is not None
        else fix
        for fix in finding.fixes
    )
    return dataclasses.replace(finding, fixes=fixes)


def write(finding: Finding, fix: Fix, folder: Path) -> Written | None:
    """Return the diff of one fix, None where none can be written, for whatever reason."""
    try:
        return written(finding, fix, lambda path: read_inside(folder, path))
    except Exception:  # a report without a diff is still a report
        return None


def read_inside(folder: Path, path: str) -> str:
    """Return the text of a file of a folder, line ends as they are.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it lies outside the folder, or is no text.
    """
    root = folder.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root) or file.suffix not in {".py", ".pyw", ""}:
        msg = f"{path} is no Python file of the working folder"
        raise ValueError(msg)
    return read_source(file)


def diff_for(finding: Finding, fix: Fix, read: Callable[[str], str]) -> str | None:
    """Return the diff that ``written`` finds, None without one."""
    made = written(finding, fix, read)
    return made.diff if made is not None else None


def written(finding: Finding, fix: Fix, read: Callable[[str], str]) -> Written | None:
    """Return the edit that makes a fix's change in the user's file, None when it cannot be written safely.

    Args:
        finding: What was found; its places say where.
        fix: The remedy; ``fix.change`` says what.
        read: Returns the text of a file by the path that places carry; OSError or ValueError if it has none.
    """
    change = fix.change
    if change is None or not change.kind.isidentifier():
        return None
    name = f"torchladder.patches.{change.kind}"
    if importlib.util.find_spec(name) is None:
        return None
    edit = getattr(importlib.import_module(name), "edit", None)
    if edit is None:
        return None
    done = edit(Case(finding, fix, change, read))
    if done is None:
        return None
    source, text = done
    diff = unified(source.path, source.text, text)
    return Written(diff, source.path, text) if diff is not None else None


def unified(path: str, old: str, new: str) -> str | None:
    """Return the diff between two texts of one file, None when they are the same or a diff cannot hold them."""
    if ODD_BREAKS.search(old) or ODD_BREAKS.search(new) or "\n" in path:
        return None
    before, after = _lines(old), _lines(new)
    diff = difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", n=CONTEXT)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff) or None


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").splitlines(keepends=True)
