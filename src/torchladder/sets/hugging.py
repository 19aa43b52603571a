"""What Hugging Face datasets saved on disk: Arrow files in a folder, one folder a side."""

import json
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.sets.files import printable
from torchladder.sets.roles import side_of
from torchladder.sets.rows import RowSource, open_rows
from torchladder.sets.source import Columns


def is_saved(path: Path) -> bool:
    """Tell whether a folder is a data set that was saved, or several of them."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def open_saved(path: Path, asked: Columns) -> list[tuple[str | None, RowSource]]:
    """Return the sides of a saved data set.

    Raises:
        UsageError: If files that it names are not there.
    """
    names = _json(path / "dataset_dict.json").get("splits") if (path / "dataset_dict.json").is_file() else None
    if names is None:
        return [(side_of(path.name), _one(path, asked))]
    return [(side_of(str(n)), _one(path / str(n), asked)) for n in names]


def _one(path: Path, asked: Columns) -> RowSource:
    state = _json(path / "state.json")
    files = [path / str(f["filename"]) for f in state.get("_data_files", ())]
    missing = [f for f in files if not f.is_file()]
    if missing or not files:
        msg = f"{printable(path)} lacks its file {missing[0].name}" if missing else f"{printable(path)} names no files"
        raise UsageError(msg)
    features = _json(path / "dataset_info.json").get("features") or {}
    classes = {n: tuple(f["names"]) for n, f in features.items() if isinstance(f, dict) and f.get("names")}
    return open_rows(files, printable(path), asked, classes=classes)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{printable(path)} cannot be read: {error}"
        raise UsageError(msg) from None
    return found if isinstance(found, dict) else {}
