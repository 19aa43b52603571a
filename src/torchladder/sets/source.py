"""A source: one data set that can be read block by block, from any place, any number of times."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from torchladder.sets.block import Block, Kind


@dataclass(frozen=True, slots=True)
class Columns:
    """Which parts of a sample mean what; names of columns, or of arrays of a file.

    Attributes:
        predictions: What a model of the user's says of each sample.
        root: Folder below which pictures lie that a list or a table names, where the user said so.
        chosen: By whom each was chosen, by role: "user", "inferred" (that is told), or "as in training".
    """

    label: str | None = None
    group: str | None = None
    time: str | None = None
    text: str | None = None
    predictions: str | None = None
    root: str | None = None
    chosen: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A data set. It can be pickled, so that another process reads a part of it.

    Attributes:
        name: As the user gave it.
        rows: Samples there are, None where only reading tells.
        told: Sentences about what was inferred or left out, for the report.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    @property
    def kind(self) -> Kind: ...  # noqa: D102

    @property
    def rows(self) -> int | None: ...  # noqa: D102

    @property
    def columns(self) -> Columns: ...  # noqa: D102

    @property
    def told(self) -> tuple[str, ...]: ...  # noqa: D102

    def fingerprint(self) -> str:
        """Return what changes when the data changes: sizes and times of the files, options; not their content."""

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return ranges of samples of about ``size`` that can be read on their own; one range if it cannot be split."""

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield the samples of a range in order, a bounded amount of memory at a time."""
