"""Predictions from where they lie: the folder of a run, a table, or arrays in an .npz file."""

from collections.abc import Mapping
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.mistakes.arrays import from_arrays
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.predictions import Predictions
from torchladder.mistakes.table import from_table
from torchladder.sets.files import bare, printable

FILE = "predictions.npz"
RUNS = (Path(".torchladder/runs"), Path(".torchladder"))


def located(name: str) -> Path:
    """Return the file that a name stands for: itself, that of a run's folder, or that of a run by its id.

    Raises:
        UsageError: If there is none.
    """
    path = Path(name)
    if path.is_dir():
        if (path / FILE).is_file():
            return path / FILE
        msg = f"{printable(path)} holds no {FILE}; `torchladder watch` and `torchladder climb --to 7` write one"
        raise UsageError(msg)
    if path.exists():
        return path
    folders = [p for base in RUNS if base.is_dir() for p in base.iterdir() if (p / FILE).is_file()]
    found = [p for p in folders if p.name == name] or [p for p in folders if p.name.startswith(name)]
    if len(found) == 1:
        return found[0] / FILE
    if found:
        msg = f"{len(found)} runs match {name!r}; give more of the id"
    else:
        msg = f"there is no file, run folder or run {name!r}; try: torchladder runs list"
    raise UsageError(msg)


def read(path: Path, asked: Asked) -> Predictions:
    """Return the predictions of a file.

    Raises:
        UsageError: If it holds none, or those of a model that predicts values.
    """
    name = printable(path)
    try:
        if path.stat().st_size == 0:
            msg = f"{name} is empty"
            raise UsageError(msg)
        if bare(path) == ".npz":
            return from_arrays(_arrays(path), asked, name)
        return from_table(path, asked, name)
    except PermissionError as error:
        msg = f"{name} cannot be read: {error.strerror}"
        raise UsageError(msg) from None


def _arrays(path: Path) -> Mapping[str, object]:
    import zipfile

    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {n: stored[n] for n in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, AttributeError) as error:
        msg = f"{printable(path)} cannot be read as .npz: {' '.join(str(error).split())[:160]}"
        raise UsageError(msg) from None
