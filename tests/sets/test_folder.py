"""Folders of pictures as people have them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchladder.core.errors import UsageError
from torchladder.sets import pictures
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (12, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 7 if mode in {"L", "P", "1"} else None).save(path)


def rows(source, size: int = 1000):
    return [b for start, stop in source.shards(size) for b in source.blocks(start, stop)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for side, n in (("train", 6), ("val", 2)):
        for kind in ("cat", "dog"):
            for i in range(n):
                picture(tmp_path / side / kind / f"{i}.png")
    return tmp_path


def test_sides_and_classes_are_folders(folder: Path) -> None:
    """Sides train and val inside of one folder; a class is a folder of the first level."""
    (role, train), (_, held) = open_sides([str(folder)], Columns())

    assert role == "train"
    assert (train.rows, held.rows) == (12, 4)
    assert [x for b in rows(train, 5) for x in b.labels] == ["cat"] * 6 + ["dog"] * 6
    assert rows(train)[0].names[0] == f"cat{os.sep}0.png"


def test_what_cannot_be_read_is_named(folder: Path, monkeypatch) -> None:
    """Nonsense, nothing, half a file, and one that is too large to decode."""
    monkeypatch.setattr(pictures, "PIXELS_MAX", 1000)
    here = folder / "train" / "cat"
    (here / "a.png").write_bytes(b"nonsense")
    (here / "b.jpg").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(here / "c.png")
    (here / "c.png").write_bytes((here / "c.png").read_bytes()[:700])
    picture(here / "d.png", size=(100, 100))
    train = open_sides([str(folder)], Columns())[0][1]
    faults = [f for b in rows(train) for f in b.faults]

    assert sum(len(b) for b in rows(train)) == 12
    assert {Path(f.name).name: f.kind for f in faults} == {
        "a.png": "unreadable", "b.jpg": "empty", "c.png": "truncated", "d.png": "too-large",
    }  # fmt: skip


def test_modes_become_channels_and_are_remembered(tmp_path: Path) -> None:
    """A palette is looked up, grey has one channel, CMYK is turned into RGB."""
    for mode, name in (("L", "a.png"), ("RGBA", "b.png"), ("P", "c.png"), ("CMYK", "d.jpg"), ("1", "e.png")):
        picture(tmp_path / "k" / name, mode)
    (block,) = rows(open_sides([str(tmp_path)], Columns())[0][1])

    assert [i.shape[2] for i in block.images] == [1, 4, 3, 3, 1]
    assert block.traits["mode"].tolist() == ["L", "RGBA", "P", "CMYK", "1"]
    assert block.traits["width"].tolist() == [12] * 5


def test_hidden_and_other_files_are_counted(folder: Path) -> None:
    """They are left out, and that is told."""
    (folder / "train" / ".DS_Store").write_text("x")
    (folder / "train" / "notes.txt").write_text("x")
    picture(folder / "train" / "cat" / "deep" / "x.png")
    train = open_sides([str(folder)], Columns())[0][1]

    assert train.rows == 13
    assert "1 .txt" in train.told[0]
    assert "1 hidden" in train.told[0]
    assert "1 pictures lie deeper" in train.told[0]


def test_names_that_are_no_utf8(folder: Path) -> None:
    """Their bytes are written out, and the picture is read."""
    strange = os.fsencode(folder / "train" / "cat") + b"/na\xefve.png"
    Path(os.fsdecode(strange)).write_bytes((folder / "train" / "cat" / "0.png").read_bytes())
    train = open_sides([str(folder)], Columns())[0][1]
    names = [n for b in rows(train) for n in b.names]

    assert f"cat{os.sep}na\\xefve.png" in names
    assert len(names) == 13
    train.fingerprint().encode("ascii")


def test_a_folder_without_classes_has_no_labels(tmp_path: Path) -> None:
    """Pictures alone."""
    picture(tmp_path / "a.png")
    (block,) = rows(open_sides([str(tmp_path)], Columns())[0][1])

    assert block.labels is None


def test_an_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    """And so is one with nothing of a known kind."""
    with pytest.raises(UsageError, match="empty folder"):
        open_sides([str(tmp_path)], Columns())
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(UsageError, match="no data of a known kind"):
        open_sides([str(tmp_path)], Columns())


def test_a_file_that_changes_changes_the_fingerprint(folder: Path) -> None:
    """Sizes and times, not contents."""
    before = open_sides([str(folder)], Columns())[0][1].fingerprint()
    same = open_sides([str(folder)], Columns())[0][1].fingerprint()
    (folder / "train" / "cat" / "0.png").write_bytes(b"other")

    assert before == same != open_sides([str(folder)], Columns())[0][1].fingerprint()
