"""Which files of a folder of checkpoints are the last, the one before and the best, with their checksums."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torchladder.checkpoints.atomic import Replacement

MANIFEST = "checkpoints.json"
SCHEMA = 1
LASTS = 2  # the last and the one before it
_NAME = re.compile(r"step-(\d+)(?:-\d+)?\.pt")


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint; ``sha256`` is None where a lost manifest took it along."""

    file: str
    step: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The checkpoints that count, the newest first."""

    lasts: tuple[Entry, ...] = ()
    best: Entry | None = None
    obsolete: tuple[str, ...] = ()  # files that were replaced; a kill may have left them
    strays: tuple[Entry, ...] = ()  # checkpoints that the manifest does not name, the latest step first

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Return the manifest of ``folder``; of one that is missing or damaged, what the files alone tell."""
        try:
            names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return cls()
        lasts, best, obsolete = _named(folder / MANIFEST)
        known = {e.file for e in (*lasts, best) if e is not None} | set(obsolete)
        strays = [Entry(name, _step_of(name), None) for name in names if name not in known]
        return cls(lasts, best, obsolete, tuple(sorted(strays, key=lambda e: (e.step, e.file), reverse=True)))

    def candidates(self, which: Literal["last", "best"]) -> list[Entry]:
        """Return what may be loaded, in the order in which to try."""
        order = [*self.lasts, self.best] if which == "last" else [self.best, *self.lasts]
        return [e for e in dict.fromkeys([*order, *self.strays]) if e is not None]

    def names(self) -> set[str]:
        """Return the files that the manifest names."""
        return {e.file for e in (*self.lasts, self.best) if e is not None}

    def free_name(self, step: int) -> str:
        """Return a name for a new checkpoint that none of those that count has."""
        taken, name, number = self.names(), f"step-{step:08d}.pt", 1
        while name in taken:
            number += 1
            name = f"step-{step:08d}-{number}.pt"
        return name

    def with_new(self, entry: Entry, *, best: bool) -> "Manifest":
        """Return the manifest after ``entry`` was written."""
        lasts = self.lasts or self.strays  # a lost manifest is made good from the files
        kept = (entry, *(e for e in lasts if e.file != entry.file))[:LASTS]
        made = Manifest(kept, entry if best else self.best)
        # What is later than the last one was written by a process that was killed before it could name it.
        unnamed = {e.file for e in self.strays if self.lasts and e.step > self.lasts[0].step}
        gone = (self.names() | set(self.obsolete) | unnamed) - made.names()
        return replace(made, obsolete=tuple(sorted(gone)))

    def write(self, folder: Path) -> None:
        """Replace the file."""
        rows = {
            "schema": SCHEMA,
            "lasts": [_row(e) for e in self.lasts],
            "best": self.best and _row(self.best),
            "obsolete": self.obsolete,
        }
        with Replacement(folder / MANIFEST) as file:
            file.write((json.dumps(rows, indent=1) + "\n").encode())


def _row(entry: Entry) -> dict[str, Any]:
    return {"file": entry.file, "step": entry.step, "sha256": entry.sha256}


def _named(path: Path) -> tuple[tuple[Entry, ...], Entry | None, tuple[str, ...]]:
    try:
        rows = json.loads(path.read_bytes())
        best = rows["best"]
        obsolete = tuple(name for name in rows["obsolete"] if _NAME.fullmatch(name))
        return tuple(_entry(row) for row in rows["lasts"]), _entry(best) if best is not None else None, obsolete
    except (OSError, ValueError, KeyError, TypeError):
        return (), None, ()


def _entry(row: dict[str, Any]) -> Entry:
    if not _NAME.fullmatch(row["file"]):  # a name with a path in it would lead out of the folder
        raise ValueError(row["file"])
    return Entry(row["file"], int(row["step"]), row["sha256"])


def _step_of(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else -1
