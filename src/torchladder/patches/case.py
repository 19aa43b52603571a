"""What an edit is given: the finding, its fix, and the files they point into."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torchladder.core.findings import Change, Finding, Fix, Place
from torchladder.patches.source import Source

Edited = tuple[Source, str]


@dataclass
class Case:
    """One fix to write down."""

    finding: Finding
    fix: Fix
    change: Change
    read: Callable[[str], str]
    _sources: dict[str, Source | None] = field(default_factory=dict)

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of the change."""
        return self.change.args

    def source(self, path: object) -> Source | None:
        """Return a file, parsed once; None when it cannot be read or is no Python."""
        if not isinstance(path, str):
            return None
        if path not in self._sources:
            try:
                text = self.read(path)
            except (OSError, ValueError):
                self._sources[path] = None
            else:
                self._sources[path] = Source.parse(path, text)
        return self._sources[path]

    def place(self, index: int) -> Place | None:
        """Return one of the finding's places."""
        return self.finding.where[index] if index < len(self.finding.where) else None

    def at(self, index: int) -> tuple[Source, int] | None:
        """Return the file and the line of one of the finding's places."""
        place = self.place(index)
        source = self.source(place.path) if place else None
        return (source, place.line) if place and source else None

    def site(self) -> tuple[Source, int] | None:
        """Return the file and the line that the change itself names."""
        source, line = self.source(self.args.get("path")), self.args.get("line")
        return (source, line) if source and isinstance(line, int) else None
