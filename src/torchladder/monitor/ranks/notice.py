"""What one process tells the first of a finding: a line of JSON of at most ``BYTES_MAX`` bytes."""

import dataclasses
import json
from dataclasses import dataclass

from torchladder.core.findings import Finding
from torchladder.core.jsonable import from_json, to_json

BYTES_MAX = 4096
WORDS_MAX = 400  # characters of a message that is too long


@dataclass(frozen=True, slots=True)
class Notice:
    """A finding of one process; ``finding`` is None where others have told it in full."""

    rank: int
    step: int
    code: str
    finding: Finding | None = None

    def pack(self) -> bytes:
        """Return the line; what makes a finding too long is left out of it."""
        for finding in (self.finding, *_shorter(self.finding)):
            line = json.dumps(to_json(dataclasses.replace(self, finding=finding)), separators=(",", ":")) + "\n"
            if len(line) <= BYTES_MAX:  # JSON is written in ASCII
                return line.encode()
        return dataclasses.replace(self, finding=None).pack()


def _shorter(finding: Finding | None) -> tuple[Finding, ...]:
    """Return what is left of a finding without its remedies, and of that without all but its place."""
    if finding is None:
        return ()
    bare = dataclasses.replace(finding, fixes=(), notes=())
    least = dataclasses.replace(bare, seen=(), remark=None, message=bare.message[:WORDS_MAX], where=bare.where[:1])
    return bare, least


def unpack(data: bytes) -> list[Notice]:
    """Return the notices that lie one behind the other; damaged lines are left out."""
    found = []
    for line in data.splitlines():
        try:
            found.append(from_json(Notice, json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return found
