"""What a model of the user's says of each sample: a column of the data, or a file of its own for each set."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torchladder.core.errors import UsageError
from torchladder.sets.block import Array, Block, Kind
from torchladder.sets.files import bare, printable, stamp
from torchladder.sets.source import Columns, Source

NAMES = (
    "prediction",
    "predictions",
    "predicted",
    "pred",
    "preds",
    "y_pred",
    "yhat",
    "y_hat",
    "output",
    "score",
    "label",
)


@dataclass
class Predicted:
    """A source whose samples have predictions from a file, in the same order."""

    source: Source
    values: Array
    file: str

    @property
    def name(self) -> str:
        """The source's own."""
        return self.source.name

    @property
    def kind(self) -> Kind:
        """The source's own."""
        return self.source.kind

    @property
    def rows(self) -> int | None:
        """The source's own."""
        return self.source.rows

    @property
    def grain(self) -> int:
        """The source's own."""
        return int(getattr(self.source, "grain", 1))

    @property
    def whole(self) -> bool:
        """Whether these are all samples there are."""
        return bool(getattr(self.source, "whole", True))

    @property
    def columns(self) -> Columns:
        """The source's own, and the file."""
        return dataclasses.replace(self.source.columns, predictions=self.file)

    @property
    def told(self) -> tuple[str, ...]:
        """The source's own, and the file."""
        return (*self.source.told, f"predictions are those of {self.file}, in order")

    def fingerprint(self) -> str:
        """Return what changes with the source and with the predictions."""
        return stamp([self.file], self.source.fingerprint())

    def shards(self, size: int) -> list[tuple[int, int]]:
        """Return the source's own."""
        return self.source.shards(size)

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """Yield the source's blocks with the predictions of their samples."""
        for block in self.source.blocks(start, stop):
            yield dataclasses.replace(block, predictions=self.values[block.places])


def files_of(asked: Columns) -> list[Path]:
    """Return the files of predictions that were named, nothing where a column was."""
    paths = [Path(p.strip()) for p in (asked.predictions or "").split(",")]
    return paths if asked.predictions is not None and all(p.is_file() for p in paths) else []


def with_predictions(
    sides: Sequence[tuple[str, Source]], files: Sequence[Path], asked: Columns
) -> list[tuple[str, Source]]:
    """Return the sides with their predictions.

    Args:
        sides: Role and source of each.
        files: Of predictions, one for each side.
        asked: What the user named.

    Raises:
        UsageError: If there is not one file a side, or not one prediction a sample, or no such column.
    """
    if not files:
        _check_column(sides, asked)
        return list(sides)
    if len(files) != len(sides):
        msg = f"--predictions names {len(files)} and not {len(sides)} files: one for each set, with commas between"
        raise UsageError(msg)
    found: list[tuple[str, Source]] = []
    for (role, source), file in zip(sides, files, strict=True):
        values = read(file)
        if source.rows is None or len(values) != source.rows:
            of = f"{source.rows:,} samples" if source.rows is not None else "a set whose samples are not counted"
            msg = f"{printable(file)} holds {len(values):,} predictions for {of} of {source.name}"
            raise UsageError(msg)
        found.append((role, Predicted(source, values, printable(file))))
    return found


def _check_column(sides: Sequence[tuple[str, Source]], asked: Columns) -> None:
    lacking = [s.name for _, s in sides if s.columns.predictions is None]
    if asked.predictions is not None and lacking:
        msg = (
            f"{lacking[0]} has no column or file {asked.predictions!r} of predictions; name a file for each set instead"
        )
        raise UsageError(msg)


def read(path: Path) -> Array:
    """Return the predictions in a file: of several numbers a sample the place of the largest.

    Raises:
        UsageError: If it holds none.
    """
    if bare(path) in {".npy", ".npz"}:
        return _array(path)
    from torchladder.sets.delimited import open_delimited

    source = open_delimited(path, Columns())
    names = source.dialect.names
    chosen = next((n for w in NAMES for n in names if n.lower().strip() == w), names[-1])
    source = open_delimited(path, Columns(predictions=chosen))
    blocks = [b for start, stop in source.shards(1 << 16) for b in source.blocks(start, stop)]
    fault = next((f for b in blocks for f in b.faults), None)
    if fault is not None:
        msg = f"{printable(path)}: {fault.name} holds no prediction: {fault.words}"
        raise UsageError(msg)
    parts = [b.predictions for b in blocks if b.predictions is not None]
    several = len({p.dtype.kind for p in parts}) > 1
    return np.concatenate([p.astype(object) if several else p for p in parts])


def _array(path: Path) -> Array:
    try:
        loaded = np.load(path, allow_pickle=False)
        values = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (OSError, ValueError, IndexError, EOFError) as error:
        msg = f"{printable(path)} cannot be read as predictions: {error}"
        raise UsageError(msg) from None
    flat = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    return np.asarray(flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1))
