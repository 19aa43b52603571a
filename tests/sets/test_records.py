"""Parquet, Arrow, JSONL and saved data sets: rows with types of their own."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns

FRAME = pd.DataFrame({
    "size": np.arange(50) / 2,
    "colour": ["red", "blue"] * 25,
    "when": pd.date_range("2024-01-01", periods=50),
    "label": np.arange(50) % 3,
})  # fmt: skip


def blocks(path: Path, size: int = 1000, **named: str):
    source = open_sides([str(path)], Columns(**named))[0][1]
    return source, [b for start, stop in source.shards(size) for b in source.blocks(start, stop)]


@pytest.mark.parametrize("size", [1000, 7])
def test_parquet_with_several_row_groups(tmp_path: Path, size: int) -> None:
    """Any range gives the same rows."""
    FRAME.to_parquet(tmp_path / "t.parquet", row_group_size=12)
    source, read = blocks(tmp_path / "t.parquet", size, time="when")

    assert source.rows == 50
    assert np.concatenate([b.columns["size"] for b in read]).tolist() == FRAME["size"].tolist()
    assert np.concatenate([b.labels for b in read]).tolist() == FRAME["label"].tolist()
    assert set(np.diff(np.concatenate([b.times for b in read]))) == {86400.0}


def test_jsonl_with_bad_lines(tmp_path: Path) -> None:
    """A line that is no record is named; a word in a column of numbers, too."""
    lines = [json.dumps({"size": i, "label": i % 2, "tags": ["a"]}) for i in range(20)]
    lines[4], lines[9], lines[12] = "{oops", "[1, 2]", json.dumps({"size": "big", "label": 0})
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    source, (block,) = blocks(tmp_path / "t.jsonl")

    assert source.rows == 20
    assert len(block) == 18
    assert [(f.name, f.kind) for f in block.faults] == [
        ("row 5", "unreadable"),
        ("row 10", "unreadable"),
        ("row 13", "mixed"),
    ]
    assert block.columns["tags"][0] == '["a"]'


def save_like_hugging_face(folder: Path, table: pa.Table, features: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))


def test_a_saved_data_set_has_sides_and_names_of_classes(tmp_path: Path) -> None:
    """dataset_dict.json names the sides; classes have names."""
    features = {"label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}
    for side, rows in (("test", FRAME[40:]), ("train", FRAME[:40])):
        save_like_hugging_face(tmp_path / "d" / side, pa.Table.from_pandas(rows, preserve_index=False), features)
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["test", "train"]}')
    (role, train), (other, held) = open_sides([str(tmp_path / "d")], Columns())

    assert (role, other) == ("train", "held-out")
    assert (train.rows, held.rows) == (40, 10)
    assert next(iter(train.blocks(0, 3))).labels.tolist() == ["cat", "dog", "owl"]


def test_pictures_in_cells(tmp_path: Path) -> None:
    """The record of bytes and path that Hugging Face datasets writes; one of them is no picture."""
    cells = []
    for i in range(4):
        out = io.BytesIO()
        Image.new("RGB", (9, 7), (i, 0, 0)).save(out, "PNG")
        cells.append({"bytes": out.getvalue() if i != 2 else b"no", "path": f"{i}.png"})
    table = pa.table({"image": pa.array(cells), "label": [0, 1, 0, 1]})
    save_like_hugging_face(tmp_path / "d", table, {})
    source, (block,) = blocks(tmp_path / "d")

    assert source.kind is Kind.IMAGES
    assert [i.shape for i in block.images] == [(7, 9, 3)] * 3
    assert block.labels.tolist() == [0, 1, 1]
    assert block.places.tolist() == [0, 1, 3]
    assert [f.kind for f in block.faults] == ["unreadable"]


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    """No traceback of a library."""
    (tmp_path / "t.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(UsageError, match="cannot be read"):
        blocks(tmp_path / "t.parquet")


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    """As exports write them; sides by their names where they have such names."""
    FRAME[:30].to_parquet(tmp_path / "part-0.parquet")
    FRAME[30:].to_parquet(tmp_path / "part-1.parquet")
    source, read = blocks(tmp_path)

    assert source.rows == 50
    assert np.concatenate([b.columns["size"] for b in read]).tolist() == FRAME["size"].tolist()
