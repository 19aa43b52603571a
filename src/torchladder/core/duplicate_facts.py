"""Rows about samples that occur more than once, and about pictures that are unlike the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TwinFact:
    """One pair of copies: their names, their labels where they have any, and how alike they are (1 for equal)."""

    first: str
    second: str
    labels: tuple[str, str] | None = None
    likeness: float = 1.0


@dataclass(frozen=True, slots=True)
class DuplicateFact:
    """Samples of one side that are copies of samples of another side, or of its own.

    Attributes:
        first, second: Numbers of the sides, 0 for training; equal for copies within one side.
        exact: Whether copies are equal (of texts: but for case, spaces and punctuation), else near ones.
        kind: "pictures", "texts", "rows" or "samples".
        compared: Samples of the second side that could be compared, ``against`` those of the first.
        shared: Samples of the second side that the first has, too; within a side: that an earlier sample equals.
            Near copies are counted beside equal ones, not with them.
        clear: Of those, how many are beyond doubt; the others may be the same thing seen twice.
        labelled: Of the shared, how many have a class on both sides, and ``conflicts`` how many of them another class.
        groups: Groups of copies, ``largest`` the samples of the largest.
        within: Share of the first side's samples that occur there more than once.
        bits: What two independent samples would have to agree in; None where that is not known.
        differing: Of near rows: columns that differ and in what share of the pairs.
        complete: Whether all samples of both sides were read.
        unknown: Why nobody could look, None where somebody did.
    """

    first: int
    second: int
    exact: bool
    kind: str
    compared: int
    against: int
    shared: int = 0
    clear: int = 0
    labelled: int = 0
    conflicts: int = 0
    groups: int = 0
    largest: int = 0
    within: float | None = None
    bits: float | None = None
    differing: tuple[tuple[str, float], ...] = ()
    examples: tuple[TwinFact, ...] = ()
    complete: bool = True
    unknown: str | None = None
    sides: tuple[str, str] = ("train", "train")


@dataclass(frozen=True, slots=True)
class OddFact:
    """Pictures of a side that are odd in one way.

    Attributes:
        way: "blank", "huge", "size" (or aspect), "shape", "mode", "dark" or "bright".
        count: How many, of the side's pictures.
        usual: What the others are, in words; "" where that goes without saying.
        examples: Names, each with its own figure.
    """

    way: str
    count: int
    usual: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PicturesFact:
    """The pictures of a side (its number): how many were looked at, and those that are unlike the others."""

    side: int
    role: str
    read: int
    odd: tuple[OddFact, ...] = ()
