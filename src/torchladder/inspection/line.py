"""What a check says of itself whether or not a rule fired: its figure beside what was expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torchladder.core.facts import Facts


@dataclass(frozen=True, slots=True)
class Line:
    """One check, for the table that is printed and for the report's JSON.

    Attributes:
        check: A few words: "exact duplicates across sides".
        codes: The rules that judge it.
        value: Its figure in words, None where it could not look.
        expected: What the figure is on sound data, in words.
        unknown: Why it could not look.
        said: What the rule says of this check, where it judges several; None where any word of it counts.
    """

    check: str
    codes: tuple[str, ...]
    value: str | None
    expected: str | None = None
    unknown: str | None = None
    said: str | None = None


@runtime_checkable
class Speaking(Protocol):
    """A fold that has lines of its own; rules without one get a line with their name."""

    def lines(self, facts: Facts) -> Sequence[Line]:
        """Return one line a check, from the facts of all folds."""
