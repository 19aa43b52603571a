"""Samples are found by name or place, and a place is believed only where labels agree."""

import numpy as np
import pytest
from PIL import Image

from tests.mistakes.made import digits, logits_of, model, predictions
from torchladder.core.errors import UsageError
from torchladder.mistakes.analysis import analyse
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.joined import join
from torchladder.mistakes.look import pictures
from torchladder.mistakes.page import mistakes
from torchladder.mistakes.reading import read


def made(folder):
    _, _, x, y = digits()
    return predictions(logits_of(model(), x), y, folder), x, y


def test_pictures_by_place(tmp_path):
    """Arrays in the order of the predictions: the picture of each is the one it was made from."""
    p, x, y = made(tmp_path)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    joined = join(p, str(tmp_path / "d.npz"), tmp_path)

    assert (pictures(joined, [17])[17][:, :, 0] == x[17]).all()
    assert joined.told[-1].endswith("by their order")
    assert np.isfinite(joined.traits["sharpness"]).all()


def test_floats_are_pictures_too(tmp_path):
    """Pictures stored as floats are stretched to bytes."""
    p, x, y = made(tmp_path)
    np.savez(tmp_path / "d.npz", x=x[:, None].astype(np.float32) / 240, y=y)
    joined = join(p, str(tmp_path / "d.npz"), tmp_path)

    assert np.abs(pictures(joined, [3])[3][:, :, 0].astype(float) - x[3].astype(float) * 255 / 240).max() <= 1


def test_another_order_is_refused(tmp_path):
    """Shuffled data is not taken for the predictions' own."""
    p, x, y = made(tmp_path)
    order = np.random.default_rng(0).permutation(len(y))
    np.savez(tmp_path / "d.npz", x=x[order], y=y[order])
    with pytest.raises(UsageError, match="not in the order of the predictions"):
        join(p, str(tmp_path / "d.npz"), tmp_path)


def test_shuffled_data_of_one_large_class_is_refused(tmp_path):
    """Nine tenths of one class agree with themselves in any order: that is not believed."""
    rng = np.random.default_rng(0)
    y = (rng.random(1000) < 0.1).astype(int)
    p = predictions(rng.normal(size=(1000, 2)), y, tmp_path)
    np.savez(tmp_path / "d.npz", x=rng.integers(0, 255, (1000, 8, 8)).astype(np.uint8), y=rng.permutation(y))
    with pytest.raises(UsageError, match="not in the order"):
        join(p, str(tmp_path / "d.npz"), tmp_path)


def test_wrong_labels_in_the_data_do_not_stop_it(tmp_path):
    """Labels that were corrected since, or spoiled, are few: the order is still known."""
    p, x, y = made(tmp_path)
    rng = np.random.default_rng(0)
    other = np.where(rng.random(len(y)) < 0.2, rng.integers(0, 10, len(y)), y)
    np.savez(tmp_path / "d.npz", x=x, y=other)

    assert join(p, str(tmp_path / "d.npz"), tmp_path).pictures


def test_another_number_of_samples_is_refused(tmp_path):
    """Data of another size belongs to other predictions, unless an index says which."""
    p, x, y = made(tmp_path)
    np.savez(tmp_path / "d.npz", x=np.concatenate([x, x]), y=np.concatenate([y, y]))
    with pytest.raises(UsageError, match="which belongs to which cannot be told"):
        join(p, str(tmp_path / "d.npz"), tmp_path)


def test_an_index_says_which(tmp_path):
    """A column `index` names places in the data, in any order."""
    _, x, y = made(tmp_path)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    rows = np.random.default_rng(0).permutation(len(y))[:300]
    guess = logits_of(model(), x)[rows].argmax(axis=1)
    lines = [f"{r},{y[r]},{g}" for r, g in zip(rows, guess, strict=True)]
    (tmp_path / "p.csv").write_text("index,label,prediction\n" + "\n".join(lines) + "\n", encoding="utf-8")
    joined = join(read(tmp_path / "p.csv", Asked()), str(tmp_path / "d.npz"), tmp_path)

    assert (pictures(joined, [5])[5][:, :, 0] == x[rows[5]]).all()


def test_columns_and_groups_of_a_table(tmp_path):
    """The data's own columns are asked too: a group there, and a number of each row."""
    rng = np.random.default_rng(0)
    n = 800
    age, site, y = rng.integers(18, 90, n), np.where(rng.random(n) < 0.2, "B", "A"), rng.integers(0, 3, n)
    wrong = ((site == "B") & (rng.random(n) < 0.6)) | (rng.random(n) < 0.05)
    rows = "\n".join(f"{a},{s},{t}" for a, s, t in zip(age, site, y, strict=True))
    (tmp_path / "d.csv").write_text(f"age,patient,label\n{rows}\n", encoding="utf-8")
    np.savez(tmp_path / "p.npz", prediction=np.where(wrong, (y + rng.integers(1, 3, n)) % 3, y), label=y)
    p = read(tmp_path / "p.npz", Asked())
    found = analyse(p, data=str(tmp_path / "d.csv"), folder=tmp_path, seed=0, sample=5)

    assert set(found.joined.columns) == {"age", "group"}
    assert found.counting[0].bucket.name == "group = B"
    assert all("age" not in r.bucket.name for r in found.counting)


def test_pictures_by_path(tmp_path):
    """Paths in the predictions are enough, from the folder of the predictions or in the folder of --data."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(40):
        folder = tmp_path / "set" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (12, 12), dtype=np.uint8)).save(folder / f"{i}.png")
        lines.append(f"set/{'ab'[i % 2]}/{i}.png,{'ab'[i % 2]},{'ab'[(i // 8) % 2]}")
    (tmp_path / "p.csv").write_text("path,label,prediction\n" + "\n".join(lines) + "\n", encoding="utf-8")
    p = read(tmp_path / "p.csv", Asked())

    assert join(p, None, tmp_path).pictures
    assert join(p, str(tmp_path / "set"), tmp_path / "elsewhere").pictures
    found = analyse(p, data=None, folder=tmp_path, seed=0, sample=5)
    assert all(m["picture"].startswith("data:image/png;base64,") for m in mistakes(found))


def test_paths_that_lead_nowhere_are_told(tmp_path):
    """The analysis goes on without pictures, and says so."""
    (tmp_path / "p.csv").write_text("path,label,prediction\na.png,x,y\nb.png,y,y\n", encoding="utf-8")
    joined = join(read(tmp_path / "p.csv", Asked()), None, tmp_path)

    assert not joined.pictures
    assert "--data" in joined.told[0]
