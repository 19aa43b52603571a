"""Unified diffs applied to text, strictly: every context line must be where the diff says or nothing happens."""

import difflib
import re
from dataclasses import dataclass

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class PatchError(ValueError):
    """The diff does not fit the text, or is not a unified diff."""


@dataclass(frozen=True, slots=True)
class FilePatch:
    """The hunks for one file; each is the line it starts at (from 0), what is there, and what will be."""

    path: str
    hunks: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]


def _path(header: str) -> str:
    name = header.split("\t", maxsplit=1)[0].strip()
    return name[2:] if name.startswith(("a/", "b/")) else name


def parse(diff: str) -> list[FilePatch]:
    """Return the files that a unified diff changes.

    Raises:
        PatchError: If there is nothing in it that can be applied.
    """
    patches: list[FilePatch] = []
    lines = diff.splitlines()
    n, path = 0, ""
    hunks: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = []
    while n < len(lines):
        match = HUNK.match(lines[n])
        if lines[n].startswith("--- ") and n + 1 < len(lines) and lines[n + 1].startswith("+++ "):
            if hunks:
                patches.append(FilePatch(path, tuple(hunks)))
            path, hunks = _path(lines[n + 1][4:]), []
            n += 2
        elif match and path:
            n, old, new = _hunk(lines, n + 1, int(match[2] or 1), int(match[4] or 1))
            start = int(match[1]) - (0 if match[2] == "0" else 1)
            hunks.append((start, old, new))
        else:
            n += 1
    if hunks:
        patches.append(FilePatch(path, tuple(hunks)))
    if not patches:
        msg = "the diff holds no change"
        raise PatchError(msg)
    return patches


def _hunk(lines: list[str], n: int, n_old: int, n_new: int) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    old: list[str] = []
    new: list[str] = []
    while len(old) < n_old or len(new) < n_new:
        if n >= len(lines):
            msg = "the diff ends in the middle of a hunk"
            raise PatchError(msg)
        mark, text = lines[n][:1], lines[n][1:]
        if mark in {" ", "", "-"}:
            old.append(text)
        if mark in {" ", "", "+"}:
            new.append(text)
        n += 1
    return n, tuple(old), tuple(new)


def apply(patch: FilePatch, text: str) -> str:
    """Return ``text`` with the hunks applied; line ends stay as they are.

    Raises:
        PatchError: If the text is not what the diff was made from.
    """
    lines = text.splitlines(keepends=True)
    bare = [line.rstrip("\r\n") for line in lines]
    for start, old, new in sorted(patch.hunks, reverse=True):
        if tuple(bare[start : start + len(old)]) != old:
            msg = f"{patch.path} has changed near line {start + 1} since the record was made"
            raise PatchError(msg)
        lines[start : start + len(old)] = _replaced(lines, start, old, new)
    whole = "".join([*(line if line.endswith("\n") else line + _end(lines[0]) for line in lines[:-1]), *lines[-1:]])
    return whole if not text or text.endswith("\n") else whole.rstrip("\r\n")


def _replaced(lines: list[str], start: int, old: tuple[str, ...], new: tuple[str, ...]) -> list[str]:
    """Return the lines for a hunk: those that stay with the ends they have, fresh ones with those of the line above."""
    made: list[str] = []
    for kind, first, last, low, high in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            made += lines[start + first : start + last]
        else:
            near = lines[start + first if last > first else max(start + first - 1, 0)] if lines else "\n"
            made += [line + _end(near) for line in new[low:high]]
    return made


def _end(line: str) -> str:
    """Return how a line ends, or would if it were not the last."""
    return "\r\n" if line.endswith("\r\n") else "\n"
