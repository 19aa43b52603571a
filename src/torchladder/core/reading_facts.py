"""Rows about the reading of data sets: how much of each was read, and what could not be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultFact:
    """Samples of one set that could not be read, or not as they are, for one reason.

    Attributes:
        kind: "unreadable", "truncated", "empty", "too-large", "ragged", "mixed", "encoding" …
        lost: Whether the samples are missing; those of kind "mixed" are there, with a value missing.
        examples: Names of some of them, with why.
    """

    kind: str
    count: int
    lost: bool
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFact:
    """One data set as it was read.

    Attributes:
        role: "train" or "held-out".
        name: As the user named it.
        rows: Samples there are, those that could not be read among them; None where nobody knows.
        read: Samples that were read; ``complete`` whether the rest is faults only, not when a sample was asked for.
        told: What was inferred or left out.
    """

    role: str
    name: str
    kind: str
    rows: int | None
    read: int
    complete: bool
    told: tuple[str, ...] = ()
    faults: tuple[FaultFact, ...] = ()

    @property
    def lost(self) -> int:
        """Samples that could not be read."""
        return sum(f.count for f in self.faults if f.lost)
