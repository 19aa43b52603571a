"""Arrays: which holds the samples and which the labels, and parts of files of any format."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from torchladder.core.errors import UsageError
from torchladder.sets.block import Kind
from torchladder.sets.open import open_sides
from torchladder.sets.source import Columns

X = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
Y = np.arange(100) % 4


def rows(source, size: int = 1000):
    return [b for start, stop in source.shards(size) for b in source.blocks(start, stop)]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("names", [("x", "y"), ("data", "target"), ("arr_0", "arr_1"), ("images", "labels")])
def test_samples_and_labels_are_told_apart(tmp_path: Path, save, names) -> None:
    """By name, else by length: the only array with one entry a sample."""
    save(tmp_path / "d.npz", **{names[0]: X, names[1]: Y})
    ((_, source),) = open_sides([str(tmp_path / "d.npz")], Columns())
    read = rows(source, 30)

    assert np.array_equal(np.concatenate([b.arrays for b in read]), X)
    assert np.array_equal(np.concatenate([b.labels for b in read]), Y)
    assert f"labels are `{names[1]}`" in source.told[0]


def test_sides_by_name(tmp_path: Path) -> None:
    """x_train, y_train, x_test, y_test: two sides."""
    np.savez(tmp_path / "d.npz", x_test=X[80:], y_test=Y[80:], x_train=X[:80], y_train=Y[:80])
    (_, train), (role, held) = open_sides([str(tmp_path / "d.npz")], Columns())

    assert (train.rows, held.rows, role) == (80, 20, "held-out")


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (("X_train", "y_train", "X_val", "y_val"), "validation"),
        (("xtrain", "ytrain", "xtest", "ytest"), "test"),
        (("trainX", "trainY", "testX", "testY"), "test"),
        (("X_tr", "y_tr", "X_te", "y_te"), "test"),
        (("train_images", "train_labels", "dev_images", "dev_labels"), "validation"),
    ],
)
def test_sides_however_their_arrays_are_called(tmp_path: Path, names: tuple[str, ...], role: str) -> None:
    """Each side has its samples and its labels; an array of no side is told, and one side can be named alone."""
    path = tmp_path / "d.npz"
    np.savez(path, **dict(zip(names, (X[:80], Y[:80], X[80:], Y[80:]), strict=True)), mean=X.mean(axis=0))
    (_, train), (_, held) = open_sides([str(path)], Columns())
    ((_, alone),) = open_sides([f"{path}:{role}"], Columns())

    assert np.array_equal(rows(held)[0].arrays, X[80:])
    assert rows(held)[0].labels.tolist() == Y[80:].tolist() == rows(alone)[0].labels.tolist()
    assert any("`mean`" in words for words in train.told)


def test_a_label_that_is_named_of_one_side_is_meant_of_all(tmp_path: Path) -> None:
    """`--label z_train` takes `z_val` on the other side; a name that no side has is refused."""
    path = tmp_path / "d.npz"
    np.savez(path, X_train=X[:80], y_train=Y[:80], z_train=Y[:80] + 4, X_val=X[80:], y_val=Y[80:], z_val=Y[80:] + 4)
    (_, _), (_, held) = open_sides([str(path)], Columns(label="z_train"))

    assert rows(held)[0].labels.min() == 4
    with pytest.raises(UsageError, match="no array 'w'"):
        open_sides([str(path)], Columns(label="w"))
    with pytest.raises(UsageError, match="holds no side 'test'; it holds train, validation"):
        open_sides([f"{path}:test"], Columns())


def test_labels_of_another_length_are_not_used(tmp_path: Path) -> None:
    """It is told, not guessed."""
    np.savez(tmp_path / "d.npz", x=X, y=Y[:-1])
    ((_, source),) = open_sides([str(tmp_path / "d.npz")], Columns())

    assert source.columns.label is None
    assert "has 99 entries for 100 samples" in source.told[0]


def idx_bytes(a: np.ndarray) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, a.ndim) + b"".join(struct.pack(">I", n) for n in a.shape)
    return head + a.astype(np.uint8).tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_find_their_labels_and_sides(tmp_path: Path, packed: bool) -> None:
    """A folder of four files as MNIST has them."""
    pictures = np.random.default_rng(0).integers(0, 255, (30, 28, 28))
    for side, n in (("train", 20), ("t10k", 10)):
        for what, a in (("images-idx3", pictures[:n]), ("labels-idx1", np.arange(n) % 3)):
            data = idx_bytes(a)
            (tmp_path / f"{side}-{what}-ubyte{'.gz' if packed else ''}").write_bytes(
                gzip.compress(data) if packed else data
            )
    (_, train), (_, held) = open_sides([str(tmp_path)], Columns())
    one = tmp_path / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    ((_, alone),) = open_sides([str(one)], Columns())

    assert (train.rows, held.rows) == (20, 10)
    assert train.kind is Kind.IMAGES
    assert np.array_equal(rows(train)[0].images[3][:, :, 0], pictures[3])
    assert rows(alone)[0].labels.tolist() == (np.arange(20) % 3).tolist()


def test_a_file_that_ends_early_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """The samples that are not there are faults."""
    np.save(tmp_path / "x.npy", X)
    data = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(data[:-50])
    ((_, source),) = open_sides([str(tmp_path / "x.npy")], Columns())
    read = rows(source)

    assert sum(len(b) for b in read) == 97
    assert [f.name for b in read for f in b.faults] == ["sample 97", "sample 98", "sample 99"]


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    """A file may not run code."""
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(UsageError, match="Python objects"):
        open_sides([str(tmp_path / "x.npy")], Columns())


def test_pictures_with_channels_first_are_turned(tmp_path: Path) -> None:
    """As CIFAR has them."""
    x = np.random.default_rng(0).integers(0, 255, (5, 3, 32, 30), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(5))
    ((_, source),) = open_sides([str(tmp_path / "d.npz")], Columns())

    assert rows(source)[0].images[2].shape == (32, 30, 3)
    assert np.array_equal(rows(source)[0].images[2][:, :, 1], x[2, 1])
