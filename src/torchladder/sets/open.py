"""What a name on the command line stands for: a folder, a file or a function, and the sides in it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torchladder.core.errors import UsageError
from torchladder.sets.files import bare, printable
from torchladder.sets.folder import walk
from torchladder.sets.listed import open_list
from torchladder.sets.naming import with_pictures
from torchladder.sets.roles import following, side_of
from torchladder.sets.source import Columns, Source

Opened = Sequence[tuple[str | None, Source]]

TABLES = (".csv", ".tsv", ".tab", ".txt", ".data", ".lst")
RECORDS = (".jsonl", ".ndjson", ".jsonlines")
ROWS = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
PARTS = (*TABLES, *RECORDS, *ROWS)


def open_sides(names: Sequence[str], asked: Columns) -> list[tuple[str, Source]]:
    """Return (role, source) of each side, training first.

    Raises:
        UsageError: If a name stands for nothing that can be read, or for sides where one is wanted.
    """
    if len(names) == 1:
        return _of_one(open_set(names[0], asked))
    train = _side(names[0], open_set(names[0], asked), "train")
    held = [_side(name, open_set(name, following(train.columns)), None) for name in names[1:]]
    return [("train", train), *(("held-out", source) for source in held)]


def _side(name: str, inside: Opened, wanted: str | None) -> Source:
    """Return the one side that is meant by a name among several."""
    own = [s for role, s in inside if role == wanted] or [s for _, s in inside]
    if len(own) == 1:
        return own[0]
    msg = f"{name} holds {len(own)} sides: {', '.join(s.name for s in own)}; name it alone, or one of them"
    raise UsageError(msg)


def _of_one(inside: Opened) -> list[tuple[str, Source]]:
    first = next((i for i, (role, _) in enumerate(inside) if role == "train"), 0)
    ordered = [inside[first], *inside[:first], *inside[first + 1 :]]
    return [("held-out" if i else "train", source) for i, (_, source) in enumerate(ordered)]


def open_set(name: str, asked: Columns) -> Opened:
    """Return the sides that one name stands for, each with its own name where it is one of several."""
    path = Path(name)
    if not path.exists() and ":" in name:
        file, _, side = name.rpartition(":")
        if bare(Path(file)) == ".npz" and Path(file).is_file():
            return _named_side(file, side, asked)
        from torchladder.sets.objects import open_object

        return open_object(name, asked)
    if not path.exists():
        msg = f"there is no file or folder {printable(path)}"
        raise UsageError(msg)
    try:
        return _folder(path, asked) if path.is_dir() else _file(path, asked)
    except PermissionError as error:
        msg = f"{printable(path)} cannot be read: {error.strerror}"
        raise UsageError(msg) from None


def _named_side(file: str, side: str, asked: Columns) -> Opened:
    """Return one side of a file that holds several: FILE.npz:train."""
    inside = open_set(file, asked)
    wanted = side_of(side) or side
    own = [(role, source) for role, source in inside if role == wanted]
    if not own:
        held = ", ".join(str(role) for role, _ in inside if role is not None) or "no sides"
        msg = f"{file} holds no side {side!r}; it holds {held}"
        raise UsageError(msg)
    return own


def _file(path: Path, asked: Columns) -> Opened:
    opener = _opener(path)
    if opener is None:
        msg = (
            f"{printable(path)} is no kind of data that is known: folders of pictures, CSV, TSV, JSONL, Parquet, "
            "Arrow, .npz, .npy and idx files are, and path.py:make_dataset"
        )
        raise UsageError(msg)
    return opener(path, asked)


def _opener(path: Path) -> Callable[[Path, Columns], Opened] | None:
    from torchladder.sets.stored import is_idx

    if path.stat().st_size == 0:
        msg = f"{printable(path)} is empty"
        raise UsageError(msg)
    suffix = bare(path)
    if suffix in {".npz", ".npy"} or is_idx(path):
        from torchladder.sets.arrays import open_arrays

        return open_arrays
    if suffix in TABLES:
        return _table
    if suffix in RECORDS:
        from torchladder.sets.jsonl import open_jsonl

        return lambda p, a: [(None, with_pictures(open_jsonl(p, a), p, a))]
    if suffix in ROWS:
        from torchladder.sets.rows import open_rows

        return lambda p, a: [(None, with_pictures(open_rows([p], printable(p), a), p, a))]
    return None


def _table(path: Path, asked: Columns) -> Opened:
    """Return a table of text, or the pictures that it names."""
    from torchladder.sets.delimited import open_delimited

    return [(None, open_list(path, asked) or with_pictures(open_delimited(path, asked), path, asked))]


def _folder(path: Path, asked: Columns) -> Opened:
    from torchladder.sets.arrays import array_files
    from torchladder.sets.arrays import open_folder as open_arrays_of
    from torchladder.sets.folder import open_pictures
    from torchladder.sets.hugging import is_saved, open_saved
    from torchladder.sets.labelled import labelled_folder

    if not any(path.iterdir()):
        msg = f"{printable(path)} is an empty folder"
        raise UsageError(msg)
    if is_saved(path):
        return open_saved(path, asked)
    files = array_files(path)
    if files:
        return open_arrays_of(path, files, asked)
    packed = [p for p in path.iterdir() if p.suffix == ".npz"]
    if len(packed) == 1:
        return _file(packed[0], asked)
    return _tables(path, asked) or labelled_folder(path, asked) or open_pictures(path)


def _tables(path: Path, asked: Columns) -> Opened:
    """Return the tables of a folder: sides by their names, or the parts of one; nothing if there is none."""
    files = [p for p in sorted(path.iterdir()) if p.is_file() and not p.name.startswith((".", "_"))]
    tables = [p for p in files if bare(p) in PARTS and bare(p) != ".txt"]
    if not tables or len(walk(str(path)).files) > len(tables):
        return []
    sides = [(side_of(p.name), p) for p in tables]
    named = [(s, p) for s, p in sides if s is not None]
    if len({s for s, _ in named}) == len(named) > 1:
        named.sort(key=lambda pair: pair[0] != "train")
        first = _file(named[0][1], asked)[0][1]
        rest = [(s, source) for s, p in named[1:] for _, source in _file(p, following(first.columns))]
        return [(named[0][0], first), *rest]
    if tables and all(bare(p) in ROWS for p in tables):
        from torchladder.sets.rows import open_rows

        return [(None, open_rows(tables, printable(path), asked))]
    if len(tables) == 1:
        return _file(tables[0], asked)
    msg = f"{printable(path)} holds {len(tables)} tables, none of them called train; name the ones to check"
    raise UsageError(msg)
