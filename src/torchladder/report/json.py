"""A report as JSON (``schema`` 1) and back."""

import json
from pathlib import Path
from typing import Any

from torchladder.core.errors import UsageError
from torchladder.core.jsonable import from_json, to_json
from torchladder.core.report import Report
from torchladder.report import files

SCHEMA = 1


def dumps(report: Report) -> str:
    """Return ``report`` as JSON text, keys in the order of the dataclasses."""
    return json.dumps(to_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def is_report(data: Any) -> bool:
    """Return whether ``data`` looks like a report of any schema."""
    return isinstance(data, dict) and {"schema", "tool", "verdict", "findings", "rungs"} <= data.keys()


def loads(text: str, *, name: str = "the record") -> Report:
    """Return the report that ``dumps`` wrote.

    Raises:
        UsageError: If the text is not a report, or one of a newer schema.
    """
    try:
        data = json.loads(text)
    except ValueError:
        msg = f"{name} is not JSON"
        raise UsageError(msg) from None
    if not is_report(data):
        msg = f"{name} is JSON, but not a torchladder report"
        raise UsageError(msg)
    if data["schema"] != SCHEMA:
        msg = f"{name} has schema {data['schema']}; this version reads schema {SCHEMA}"
        raise UsageError(msg)
    try:
        report: Report = from_json(Report, data)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        msg = f"{name} is damaged: {error}"
        raise UsageError(msg) from None
    return report


def record_file(path: str | Path) -> Path:
    """Return the report file that ``path`` names: itself, or the ``report.json`` inside a folder."""
    path = Path(path)
    return path / "report.json" if path.is_dir() else path


def load(path: str | Path) -> Report:
    """Return the report stored at ``path``, a file or the folder of a record.

    Raises:
        UsageError: If there is none, or it cannot be read as one.
    """
    file = record_file(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = f"there is no record at {path}"
        raise UsageError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise UsageError(msg) from None
    return loads(text, name=str(file))


def check_writable(path: Path, *, force: bool = False) -> None:
    """Make sure that a report may be written to ``path``: a new file, or an earlier report.

    Raises:
        UsageError: If something else is there, or the folder does not exist.
    """

    def is_one(file: Path) -> bool:
        return is_report(json.loads(file.read_text(encoding="utf-8")))

    files.check_writable(path, what="a torchladder report", is_ours=is_one, force=force)


def write(report: Report, path: Path, *, force: bool = False) -> None:
    """Write ``report`` to ``path`` in one piece.

    Raises:
        UsageError: If something other than a report is there and ``force`` is not given.
    """
    check_writable(path, force=force)
    files.write_text(path, dumps(report))
