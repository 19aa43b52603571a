"""Causes planted in real predictions are the largest bucket, and nothing is found where there is nothing."""

import numpy as np
import pytest

from tests.mistakes.made import analysed, blurred, digits, drawn, logits_of, model, predictions
from torchladder.mistakes.columns import Asked
from torchladder.mistakes.reading import located, read


def lead(found):
    """Return the largest bucket."""
    return found.counting[0].bucket


def test_blurred_pictures_lead(tmp_path):
    """A tenth of the pictures blurred: the least sharp ones are the largest bucket."""
    _, _, x, y = digits()
    seen = blurred(x, np.random.default_rng(3).random(len(y)) < 0.1)
    found = analysed(predictions(logits_of(model(), seen), y, tmp_path), tmp_path, {"x": seen, "y": y})

    assert lead(found).kind == "property"
    assert lead(found).name.startswith("sharpness at most")


def test_wrong_labels_lead(tmp_path):
    """A tenth of the labels replaced: about as many are called wrong, and nearly all of those are."""
    _, _, x, y = digits()
    rng = np.random.default_rng(4)
    noisy, some = y.copy(), rng.random(len(y)) < 0.1
    noisy[some] = (y[some] + rng.integers(1, 10, some.sum())) % 10
    found = analysed(predictions(logits_of(model(), x), noisy, tmp_path), tmp_path)
    errors = lead(found).errors

    assert lead(found).kind == "label"
    assert (errors & some).sum() >= 0.8 * some.sum()
    assert (errors & some).sum() >= 0.8 * errors.sum()


def test_a_rare_class_leads(tmp_path):
    """A class with few training samples, known from the training side of the data, is the largest bucket."""
    xt, yt, x, y = digits()
    rows = np.concatenate([np.flatnonzero(yt != 8), np.flatnonzero(yt == 8)[:4]])
    data = {"x_train": xt[rows], "y_train": yt[rows], "x_test": x, "y_test": y}
    found = analysed(predictions(logits_of(model(8, 4), x), y, tmp_path), tmp_path, data)

    assert lead(found).kind == "rare class"
    assert "rare class 8 (4 samples in training" in lead(found).name


def test_a_threshold_leads(tmp_path):
    """Two classes decided at a logit of 3 where 0 is right: moving the threshold is the largest bucket."""
    logits, y = drawn(k=2, margin=1.5)
    score = logits[:, 1] - logits[:, 0]
    np.savez(tmp_path / "p.npz", output=score, target=y, prediction=(score > 3).astype(int))
    found = analysed(read(located(str(tmp_path / "p.npz")), Asked()), tmp_path)

    assert lead(found).kind == "threshold"
    assert found.threshold.value == pytest.approx(0.5, abs=0.15)
    assert found.threshold.f1[1] > found.threshold.f1[0] + 0.1


def test_a_group_leads(tmp_path):
    """Pictures of one site are inverted: that site is the largest bucket."""
    _, _, x, y = digits()
    site = np.random.default_rng(5).random(len(y)) < 0.15
    seen = x.copy()
    seen[site] = 240 - seen[site]
    group = np.where(site, "site B", "site A")
    found = analysed(predictions(logits_of(model(), seen), y, tmp_path, group=group), tmp_path)

    assert lead(found).name == "group = site B"
    assert lead(found).count > 0.5 * site.sum()


def test_copies_with_other_labels_lead(tmp_path):
    """Copies that carry other labels are the largest bucket, above the wrong labels that they are made of."""
    _, _, x, y = digits()
    rng = np.random.default_rng(6)
    first, second = rng.permutation(len(y))[:400].reshape(2, -1)
    seen, labels = x.copy(), y.copy()
    seen[second] = x[first]
    labels[second] = (y[first] + rng.integers(1, 10, 200)) % 10
    found = analysed(predictions(logits_of(model(), seen), labels, tmp_path), tmp_path, {"x": seen, "y": labels})

    assert lead(found).kind == "copies"
    assert lead(found).count >= 190


def test_long_texts_lead(tmp_path):
    """Long texts go wrong: the length is the largest bucket."""
    rng = np.random.default_rng(7)
    n = 1000
    words = rng.integers(3, 60, n)
    y = rng.integers(0, 3, n)
    guess = np.where((words > 45) & (rng.random(n) < 0.7), (y + 1 + rng.integers(0, 2, n)) % 3, y)
    rows = [f'{y[i]},{guess[i]},"{" ".join(f"w{i}x{j}" for j in range(words[i]))}"' for i in range(n)]
    (tmp_path / "p.csv").write_text("label,prediction,text\n" + "\n".join(rows) + "\n", encoding="utf-8")
    found = analysed(read(tmp_path / "p.csv", Asked()), tmp_path)

    assert lead(found).kind == "length"
    assert lead(found).name.startswith("length at least")


def test_a_confused_pair_leads(tmp_path):
    """Two classes taken for each other are one bucket, both directions together, and their classes yield to it."""
    logits, y = drawn(n=3000, k=6, margin=6)
    rng = np.random.default_rng(8)
    alike = y < 2
    logits[alike, :2] = logits[alike, :2].max(axis=1, keepdims=True) + rng.normal(size=(alike.sum(), 2)) * 0.3
    found = analysed(predictions(logits, y, tmp_path), tmp_path)

    assert lead(found).kind == "pair"
    assert set(lead(found).extra["pair"]) == {"0", "1"}
    assert all(r.bucket.name not in {"class 0", "class 1"} for r in found.counting)


def test_nothing_is_found_where_there_is_nothing(tmp_path):
    """Labels drawn from the model's own probabilities, groups and rows at random: no bucket in 20 draws but one."""
    counted = []
    for seed in range(20):
        logits, y = drawn(n=1500, k=4, margin=2.0, seed=seed)
        group = np.random.default_rng(seed).integers(0, 12, len(y)).astype(str)
        counted.append(len(analysed(predictions(logits, y, tmp_path, group=group), tmp_path, seed=seed).counting))

    assert sum(c > 0 for c in counted) <= 2


def test_half_of_the_data_is_not_the_largest_bucket(tmp_path):
    """A group that holds most samples holds most mistakes: that is no bucket."""
    logits, y = drawn(margin=1.5)
    group = np.where(np.random.default_rng(0).random(len(y)) < 0.9, "most", "few")
    found = analysed(predictions(logits, y, tmp_path, group=group), tmp_path)

    assert all(r.bucket.kind != "group" for r in found.counting)


def test_a_group_of_hard_classes_is_left_to_the_classes(tmp_path):
    """One class goes wrong, and a group consists of it: the class is named, the group is not."""
    rng = np.random.default_rng(9)
    n = 3000
    y = rng.integers(0, 5, n)
    guess = np.where((y == 2) & (rng.random(n) < 0.5), (y + rng.integers(1, 5, n)) % 5, y)
    group = np.where((y == 2) & (rng.random(n) < 0.9), "hard", "rest")
    np.savez(tmp_path / "p.npz", prediction=guess, label=y, group=group)
    found = analysed(read(tmp_path / "p.npz", Asked()), tmp_path)

    assert lead(found).name == "class 2"
    assert all(r.bucket.kind != "group" for r in found.counting)
