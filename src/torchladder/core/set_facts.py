"""Rows about data sets as they lie on disk, counted over every sample that was read."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ColumnFact:
    """One column of a table, or one feature of an array of rows.

    Attributes:
        values: Numbers or words there are; ``missing`` those that are not (None, NaN), ``infinite`` those beyond.
        low, high, mean, std: Of finite numbers, None where there are none.
        distinct: Different words, None for numbers and where there are too many to count.
        constant: Whether every sample has the same value.
        examples: Names of a few samples whose value is missing or infinite, the infinite first.
    """

    name: str
    values: int
    missing: int = 0
    infinite: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    constant: bool = False
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelsFact:
    """The labels of one set.

    Attributes:
        classes: Whether they are classes (True) or values (False).
        counts: Samples of each class, by its name.
        missing: Samples without a label; ``examples`` names a few.
        numbers: Whether the classes are whole numbers.
        low, high: Smallest and largest number.
        rare: Name of the sample that first has a class, by class, of the rarest few.
    """

    classes: bool
    n: int
    counts: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    numbers: bool = False
    low: float | None = None
    high: float | None = None
    examples: tuple[str, ...] = ()
    rare: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetFact:
    """One set: training, or held out.

    Attributes:
        rows: Samples there are, None where only reading tells; ``read`` those that were, ``complete`` all of them.
        kind: "images", "table", "text" or "arrays".
        shapes, dtypes: Samples of each, the most frequent first.
        nonfinite: Values of arrays that are NaN or infinite, in ``spoiled`` samples, some named by ``examples``.
        low, high, mean, std: Of all finite numbers.
        same: Pairs of columns that agree in every sample, constant ones left out.
    """

    role: str
    name: str
    kind: str
    rows: int | None
    read: int
    complete: bool
    shapes: dict[str, int] = field(default_factory=dict)
    dtypes: dict[str, int] = field(default_factory=dict)
    columns: tuple[ColumnFact, ...] = ()
    labels: LabelsFact | None = None
    nonfinite: int = 0
    spoiled: int = 0
    examples: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    same: tuple[tuple[str, str], ...] = ()
