"""A path that a user named, to the tables of the runs in it. What a file is, is told by its first bytes."""

import contextlib
import re
from pathlib import Path

from torchladder.logs import console, delimited, document, events, markdown, mlflow, points, records, wandb
from torchladder.logs.folder import merged_events, runs_in
from torchladder.logs.roles import is_measure
from torchladder.logs.table import Column, LogError, Table

HEAD = 4096
PICKLE, ZIP, PNG, GZIP, PARQUET = b"\x80", b"PK\x03\x04", b"\x89PNG", b"\x1f\x8b", b"PAR1"
BINARY = (
    (PICKLE, "a pickle, which runs code when it is opened: write the history as JSON or CSV"),
    (ZIP, "a zip archive (a checkpoint, perhaps), not a log"),
    (PNG, "a picture; its numbers are needed"),
    (GZIP, "compressed; unpack it first"),
    (PARQUET, "a Parquet file; write it as CSV"),
)
EVENT_NAME = "tfevents"
CONTROL_SHARE = 0.05  # of the first bytes: a text has next to none
PANEL = re.compile(r"^(?P<run>.+) - (?P<name>[^-]+?)(?P<bound>__MIN|__MAX)?$")


def open_logs(path: Path) -> list[Table]:
    """Return the table of each run that a path holds.

    Raises:
        LogError: If there is none, or a file named by itself cannot be read as one.
    """
    if not path.exists():
        msg = f"there is no file or folder {path}"
        raise LogError(msg)
    if path.is_file():
        return open_runs(path, str(path))
    found: list[Table] = []
    refused: list[str] = []
    for name, log in runs_in(path):
        try:
            if isinstance(log, list):
                found.append(merged_events(log, name))
            elif log.is_dir():
                found.append(mlflow.of_folder(log, name))
            else:
                found += open_runs(log, name if name == str(log) else str(log))
        except LogError as error:
            refused.append(str(error))
    found = points.merged(found)
    useful = [t for t in found if any(is_measure(c.name) for c in t.columns)]
    if useful or found:
        return useful or found
    more = f" ({refused[0]}" + (f", and {len(refused) - 1} more)" if len(refused) > 1 else ")") if refused else ""
    msg = f"{path} holds no log of a run{more}"
    raise LogError(msg)


def open_runs(path: Path, source: str) -> list[Table]:
    """Return the table of each run that a file holds.

    Raises:
        LogError: If it is no log.
    """
    with contextlib.suppress(OSError), path.open("rb") as file:  # what cannot be read is said by the next
        if file.read(len(mlflow.MAGIC)) == mlflow.MAGIC:
            return mlflow.of_data_base(path, source)
    table = open_file(path, source)
    single = points.tables(path, source) if table.form in {"CSV", "TSV"} else []
    return single or runs_of(table)


def open_file(path: Path, source: str) -> Table:
    """Return the table of one file.

    Raises:
        LogError: If it is no log.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        msg = f"{source} cannot be read: {error.strerror or error}"
        raise LogError(msg) from None
    if not head.strip():
        msg = f"{source} is empty"
        raise LogError(msg)
    if EVENT_NAME in path.name or _is_events(head):
        return events.read(path, source)
    if head.startswith(wandb.MAGIC):
        return wandb.read(path, source)
    for mark, what in BINARY:
        if head.startswith(mark):
            msg = f"{source} is {what}"
            raise LogError(msg)
    controls = sum(b < 9 or 13 < b < 27 or 27 < b < 32 for b in head)  # noqa: PLR2004 - tab to return, escape
    if controls > CONTROL_SHARE * len(head):
        msg = f"{source} is binary, and no event file of TensorBoard"
        raise LogError(msg)
    table = _of_text(path, source, head.decode("utf-8", "replace").lstrip("\ufeff").lstrip())
    if not table.columns or not table.rows:
        msg = f"{source} holds no numbers"
        raise LogError(msg)
    return table


def _of_text(path: Path, source: str, head: str) -> Table:
    first = head.partition("\n")[0].strip()
    if head[:1] in "[{" and not head.startswith("{'"):
        if head[0] == "{" and first.endswith("}") and "\n{" in head.replace("\r", ""):
            return records.read(path, source)
        single = head[0] == "{" and first.endswith("}") and path.suffix in {".jsonl", ".ndjson"}
        if single:
            return records.read(path, source)
        if head[0] == "{" or re.match(r"\[\s*[\[{\d\"-]", head):
            try:
                return document.read(path, source)
            except LogError:
                if path.suffix == ".json" or head[0] == "{":
                    raise
    return _of_lines(path, source, head)


def _of_lines(path: Path, source: str, head: str) -> Table:
    """Return the table of a text that is no JSON."""
    if path.suffix == ".md" or any(markdown.RULE.match(line) for line in head.splitlines()):
        found = markdown.read(path, source)
        if found is not None:
            return found
    if path.suffix in {".csv", ".tsv"} or delimited.separator_of(_whole_lines(head)):
        try:
            cut = delimited.read(path, source)
            if cut.columns or path.suffix in {".csv", ".tsv"}:
                return points.named(cut, path)
        except LogError:
            if path.suffix in {".csv", ".tsv"}:
                raise
    return console.read(path, source)


def _whole_lines(head: str) -> list[str]:
    """Return the first lines if all of them may be rows of one table, else nothing."""
    lines = [line for line in head.splitlines() if line.strip()]
    lines = lines[: -1 if len(lines) > 1 and len(head) > HEAD // 2 else None][:20]
    cuts = [sum(line.count(s) for s in ",\t;|") for line in lines]
    alike = len(set(cuts)) == 1 and cuts[0] > 0 if cuts else False
    bare = not any(":" in line or "=" in line for line in lines[1:2])
    return lines if alike and bare else ["x"]


def _is_events(head: bytes) -> bool:
    """Tell whether a file begins with the record that names the version of event files."""
    return b"brain.Event:" in head[:64]


def runs_of(table: Table) -> list[Table]:
    """Return a table for each run that an export of W&B's charts holds side by side; else the table itself."""
    matches = {c.name: PANEL.match(c.name) for c in table.columns}
    runs = {m["run"] for m in matches.values() if m}
    if not runs or not all(m or not is_measure(n) for n, m in matches.items()):
        return [table]
    made = []
    for run in sorted(runs):
        columns = [c for c in table.columns if matches[c.name] is None]
        columns += [
            Column(m["name"], c.rows, c.values)
            for c in table.columns
            if (m := matches[c.name]) and m["run"] == run and not m["bound"]
        ]
        source = f"{table.source}: {run}" if len(runs) > 1 else table.source
        made.append(Table(source, "W&B export", table.rows, tuple(columns), table.first_line, table.lines, table.notes))
    return made
