"""Data sets of PyTorch that a function of the user's makes."""

from pathlib import Path

import numpy as np
import pytest

from torchladder.core.errors import ProgramError, UsageError
from torchladder.sets import objects
from torchladder.sets.block import Kind
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns

CODE = """
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

x, y = torch.arange(60.0).reshape(20, 3), torch.arange(20) % 2


def pair():
    return TensorDataset(x[:15], y[:15]), TensorDataset(x[15:], y[15:])


def by_name():
    return {"validation": TensorDataset(x[15:], y[15:]), "train": TensorDataset(x[:15], y[:15])}


def loader():
    return DataLoader(TensorDataset(x, y), batch_size=4)


class Records(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        if i == 4:
            raise OSError("gone")
        return {"label": i % 3, "image": Image.new("RGB", (12, 10))}


class Stream(IterableDataset):
    def __iter__(self):
        yield from ((np.full(2, i), i) for i in range(5))


class Lengths(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        return torch.ones(2 + i // 3), i % 2


records, stream, lengths = Records(), Stream(), Lengths()
texts = [(f"text {i}", "ab"[i % 2]) for i in range(5)]


def nothing():
    return None


def failing():
    raise ValueError("no file")
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "data.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(objects, "CACHE", {})


def opened(name: str):
    return open_sides([f"data.py:{name}"], Columns())


def rows(source, size: int = 1000):
    return [b for start, stop in source.shards(size) for b in source.blocks(start, stop)]


@pytest.mark.parametrize("name", ["pair", "by_name"])
def test_sides_come_in_a_tuple_or_by_name(name: str) -> None:
    """Training first."""
    (_, train), (_, held) = opened(name)

    assert (train.rows, held.rows) == (15, 5)
    assert np.concatenate([b.arrays for b in rows(train, 4)]).tolist() == np.arange(45.0).reshape(15, 3).tolist()
    assert np.concatenate([b.labels for b in rows(held)]).tolist() == [1, 0, 1, 0, 1]


def test_a_loader_stands_for_its_data_set() -> None:
    """Without its shuffling and batches."""
    ((_, source),) = opened("loader")

    assert source.rows == 20


def test_records_with_a_picture_and_a_sample_that_fails() -> None:
    """By their names; the one that raises is named."""
    ((_, source),) = opened("records")
    (block,) = rows(source)

    assert source.kind is Kind.IMAGES
    assert block.labels.tolist() == [0, 1, 2, 0, 2]
    assert block.images[0].shape == (10, 12, 3)
    assert [(f.name, f.kind) for f in block.faults] == [("sample 4", "unreadable")]


def test_what_can_only_be_iterated_is_read_in_order() -> None:
    """One range; nobody knows how long."""
    ((_, source),) = opened("stream")
    (block,) = rows(source)

    assert source.rows is None
    assert block.labels.tolist() == [0, 1, 2, 3, 4]
    assert (block.start, block.stop) == (0, 5)


def test_samples_of_other_shapes_come_in_other_blocks() -> None:
    """A block is one array."""
    ((_, source),) = opened("lengths")

    assert [b.arrays.shape for b in rows(source)] == [(3, 2), (3, 3)]
    assert [(b.start, b.stop) for b in rows(source)] == [(0, 3), (3, 6)]


def test_a_list_of_texts() -> None:
    """Anything that is indexed."""
    ((_, source),) = opened("texts")

    assert source.kind is Kind.TEXT
    assert rows(source)[0].labels.tolist() == ["a", "b", "a", "b", "a"]


def test_another_process_makes_it_anew() -> None:
    """A source that was sent holds no data."""
    import pickle

    ((_, source),) = opened("loader")
    again = pickle.loads(pickle.dumps(source))
    objects.CACHE.clear()

    assert again._data is None
    assert rows(again)[0].labels.tolist() == rows(source)[0].labels.tolist()


@pytest.mark.parametrize(
    ("name", "error"), [("nope", UsageError), ("nothing", UsageError), ("failing", ProgramError), ("x.y", UsageError)]
)
def test_what_gives_no_data_set_is_a_sentence(name: str, error: type[Exception]) -> None:
    """Whose fault it is decides the exit status."""
    with pytest.raises(error):
        opened(name)
