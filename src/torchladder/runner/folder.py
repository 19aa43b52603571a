"""The working folder before and after: the promise that a run leaves the world as it was."""

import os
from collections.abc import Iterator
from pathlib import Path

# Version control writes in its own folder at any time, and ours is where reports are meant to go.
_SKIPPED = frozenset({".git", ".hg", ".svn", ".torchladder", "__pycache__"})
# Beyond this a walk costs seconds; a data set of small files is not where a program's traces are.
_MOST_FILES = 20_000


def snapshot(folder: str | Path) -> dict[str, tuple[int, int]]:
    """Return size and modification time in ns by relative path, for at most 20,000 files."""
    seen: dict[str, tuple[int, int]] = {}
    for entry in _files(str(folder)):
        if len(seen) >= _MOST_FILES:
            break
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        seen[os.path.relpath(entry.path, folder)] = (status.st_size, status.st_mtime_ns)
    return seen


def differences(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> tuple[str, ...]:
    """Return the relative paths that are new, gone or changed, sorted."""
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if max(len(before), len(after)) >= _MOST_FILES:
        # Two walks cut short may have been cut at different files: only what both saw is certain.
        changed &= before.keys() & after.keys()
    return tuple(sorted(changed))


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield files nearest the top first, so that a cap drops the deepest."""
    pending = [folder]
    while pending:
        deeper = []
        for name in pending:
            try:
                entries = sorted(os.scandir(name), key=lambda e: e.name)
            except OSError:
                continue
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif entry.name not in _SKIPPED:
                    deeper.append(entry.path)
        pending = deeper
