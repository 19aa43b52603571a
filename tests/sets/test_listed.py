"""Lists and tables that name pictures: which folder is meant, which labels, and what is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.sets.listed import ListedSource
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns, Source

NAMES = [f"{'cat' if i % 2 else 'dog'}/p {i}.png" for i in range(12)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        path = tmp_path / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 8, 3), 10 * i, np.uint8)).save(path)
    return tmp_path / "store"


def blocks(source: Source):
    return [b for start, stop in source.shards(5) for b in source.blocks(start, stop)]


def labels(source: Source) -> list[object]:
    return [label for b in blocks(source) for label in b.labels.tolist()]


def sides(*names: object, **asked: str) -> list[Source]:
    return [s for _, s in open_sides([str(n) for n in names], Columns(**asked))]


@pytest.mark.parametrize("form", ["{}", "{} {}", "{}\t{}", "{},{}", '"{}", {}'])
@pytest.mark.parametrize("root", ["named", "beside", "recorded"])
def test_a_list_of_pictures(tmp_path: Path, photos: Path, form: str, root: str) -> None:
    """With labels or without, below a folder that is named, where the list lies, or that a split wrote down."""
    folder = photos if root == "beside" else tmp_path / "lists"
    folder.mkdir(exist_ok=True)
    for side, part in (("train", NAMES[:8]), ("val", NAMES[8:])):
        text = "".join(form.format(n, i % 2) + "\n" for i, n in enumerate(part))
        (folder / f"{side}.txt").write_text(text + "\n")
    if root == "recorded":
        files = {s: {"file": f"{s}.txt"} for s in ("train", "val")}
        (folder / "split.json").write_text(json.dumps({"root": str(photos), "sides": files, "rule": "at random"}))
    asked = {"root": str(photos)} if root == "named" else {}
    train, held = sides(folder / "train.txt", folder / "val.txt", **asked)

    assert (train.rows, held.rows, train.kind) == (8, 4, Kind.IMAGES)
    assert [int(x[0, 0, 0]) for b in blocks(held) for x in b.images] == [80, 90, 100, 110]
    plain = form == "{}"
    assert labels(held) == (["dog", "cat"] * 2 if plain else [0, 1, 0, 1])


def test_pictures_that_are_nowhere_are_asked_for(tmp_path: Path) -> None:
    """One sentence, with what to do."""
    (tmp_path / "train.txt").write_text("a/1.png 0\na/2.png 1\n")

    with pytest.raises(UsageError, match="none of them lie beside it: name their folder with --root"):
        sides(tmp_path / "train.txt")
    with pytest.raises(UsageError, match="there is no folder"):
        sides(tmp_path / "train.txt", root=str(tmp_path / "missing"))


def test_a_picture_that_is_missing_is_a_fault(tmp_path: Path, photos: Path) -> None:
    """So is a line that names none; the others are read."""
    text = "".join(f"{n} 1\n" for n in NAMES * 2)
    (photos / "train.txt").write_text(f"{text}cat/none.png 1\nno picture\n")
    (source,) = sides(photos / "train.txt")
    faults = [f for b in blocks(source) for f in b.faults]

    assert [f.words for f in faults] == ["there is no such file", "the line names no picture"]
    assert sum(len(b) for b in blocks(source)) == 24


def test_several_fields_are_no_label(tmp_path: Path, photos: Path) -> None:
    """Boxes or captions behind each name: pictures without labels, or a table where there are no pictures."""
    text = "".join(f"{n},3,4,5\n" for n in NAMES)
    (photos / "boxes.txt").write_text(text)
    (tmp_path / "boxes.txt").write_text(text)
    (source,) = sides(photos / "boxes.txt")

    assert (source.kind, source.columns.label) == (Kind.IMAGES, None)
    assert "several fields" in source.told[0]
    assert sides(tmp_path / "boxes.txt")[0].kind is Kind.TABLE


def test_prose_is_no_list(tmp_path: Path) -> None:
    """A table of texts that mention files stays a table."""
    (tmp_path / "t.txt").write_text("see a.png for more\tx\nno file here\ty\n" * 20)
    (source,) = sides(tmp_path / "t.txt")

    assert not isinstance(source, ListedSource)


def table(path: Path, names: list[str], *, sign: str = ",") -> Path:
    head = sign.join(("file", "kind", "patient"))
    rows = [sign.join((n, "ab"[i % 2], f"p{i // 3}")) for i, n in enumerate(names)]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_a_table_names_pictures_and_labels_them(photos: Path) -> None:
    """The column of files is found and told; label and group are those of the table."""
    table(photos / "labels.csv", [f"{n}" for n in NAMES], sign=";")
    (source,) = sides(photos / "labels.csv", label="kind", group="patient")

    assert labels(source) == ["a", "b"] * 6
    assert [g for b in blocks(source) for g in b.groups.tolist()] == [f"p{i // 3}" for i in range(12)]
    assert any("`file` names" in words for words in source.told)


def test_names_without_a_suffix_are_looked_up_where_the_user_says(tmp_path: Path, photos: Path) -> None:
    """A number may be anything, until a folder of pictures is named."""
    path = table(tmp_path / "t.csv", [Path(n).stem for n in NAMES])

    assert sides(path, label="kind")[0].kind is Kind.TABLE
    (source,) = sides(path, label="kind", root=str(photos))
    assert [int(x[0, 0, 0]) for b in blocks(source) for x in b.images] == [10 * i for i in range(12)]


def test_a_table_whose_pictures_are_elsewhere_stays_a_table(tmp_path: Path) -> None:
    """And that is told."""
    (source,) = sides(table(tmp_path / "t.csv", NAMES), label="kind")

    assert source.kind is Kind.TABLE
    assert any("--root names a folder" in words for words in source.told)


def test_a_folder_with_a_table_of_labels(tmp_path: Path, photos: Path) -> None:
    """The table goes before the folders; pictures without a row are counted."""
    table(photos / "labels.csv", NAMES[:10])
    (source,) = sides(photos, label="kind")

    assert labels(source) == ["a", "b"] * 5
    assert any("2 pictures of" in words for words in source.told)


def test_a_table_beside_each_side(tmp_path: Path) -> None:
    """train.csv beside train/, or metadata.csv within each side."""
    for form in ("beside", "within"):
        for side, n in (("train", 6), ("val", 3)):
            folder = tmp_path / form / side
            folder.mkdir(parents=True)
            for i in range(n):
                Image.fromarray(np.full((9, 8), 20 * i, np.uint8)).save(folder / f"x{i}.png")
            where = tmp_path / form / f"{side}.csv" if form == "beside" else folder / "metadata.csv"
            table(where, [f"x{i}.png" for i in range(n)])
        train, held = sides(tmp_path / form, label="kind")
        assert (train.rows, held.rows) == (6, 3)
        assert labels(held) == ["a", "b", "a"]


def test_sides_by_the_folders_that_a_table_names(tmp_path: Path) -> None:
    """train/x.png and val/x.png in one table."""
    names = [f"{side}/x{i}.png" for side, n in (("train", 6), ("val", 3)) for i in range(n)]
    for n in names:
        (tmp_path / "set" / n).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((9, 8), np.uint8)).save(tmp_path / "set" / n)
    table(tmp_path / "set" / "labels.csv", names)
    train, held = sides(tmp_path / "set", label="kind")

    assert (train.rows, held.rows) == (6, 3)
    assert labels(held) == ["a", "b", "a"]


def test_a_table_that_nobody_asked_about_is_left_alone(photos: Path) -> None:
    """A stray file does not keep a folder of pictures from being read; a label that was named must be there."""
    (photos / "notes.csv").write_text("who,when\n")
    (photos / "more.csv").write_text("who,when\nann,monday\n")
    (source,) = sides(photos)

    assert set(labels(source)) == {"cat", "dog"}
    with pytest.raises(UsageError, match="no column 'kind'"):
        sides(photos, label="kind")


def test_a_column_of_texts_that_was_named_keeps_the_table(photos: Path) -> None:
    """Captions beside pictures are checked as texts where the user wants that."""
    (photos / "t.csv").write_text(
        "file,caption\n" + "".join(f"{n},a small picture number {i}\n" for i, n in enumerate(NAMES))
    )

    assert sides(photos / "t.csv")[0].kind is Kind.IMAGES
    assert sides(photos / "t.csv", text="caption")[0].kind is Kind.TEXT
